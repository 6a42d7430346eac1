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
class MappedFile {
 public:
  // NOT_FOUND when there is no such file; INVALID_ARGUMENT when the path is no
  // regular file; else the system's error. All name the path.
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
