#ifndef MNEME_MODEL_CHECKPOINT_MAPPED_FILE_H_
#define MNEME_MODEL_CHECKPOINT_MAPPED_FILE_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mneme {

// A whole file mapped read-only into memory, so that a checkpoint's bytes are
// read once, when a tensor is made of them. Immutable and thread-safe.
// The file must keep its length while it is mapped: reading what a shrunk file
// no longer has kills the process (SIGBUS). Replace files by renaming new ones
// over them, as WriteSafetensors does.
class MappedFile {
 public:
  // NOT_FOUND when there is no such file; INVALID_ARGUMENT when the path is no
  // regular file (a folder, a FIFO, a device); else the system's error. All
  // name the path. Never waits for another process.
  static absl::StatusOr<std::shared_ptr<const MappedFile>> Open(
      const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::string& path() const { return path_; }
  absl::string_view bytes() const { return {data_, size_}; }

 private:
  MappedFile(std::string path, const char* data, size_t size);

  const std::string path_;
  const char* const data_;
  const size_t size_;
};

}  // namespace mneme

#endif  // MNEME_MODEL_CHECKPOINT_MAPPED_FILE_H_
