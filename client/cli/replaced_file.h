#ifndef MNEME_CLIENT_CLI_REPLACED_FILE_H_
#define MNEME_CLIENT_CLI_REPLACED_FILE_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mneme::cli {

// A file that appears, or replaces one, when all of it was written: until then
// its bytes lie beside it, in a file of the name with ".new", which is removed
// if Commit() was not called. Errors are DATA_LOSS and name the path. Used by
// one thread.
class ReplacedFile {
 public:
  // Fails if there is something at `path` that is no regular file.
  static absl::StatusOr<std::unique_ptr<ReplacedFile>> Create(
      const std::string& path);
  ~ReplacedFile();
  ReplacedFile(const ReplacedFile&) = delete;
  ReplacedFile& operator=(const ReplacedFile&) = delete;

  absl::Status Write(absl::string_view bytes);
  // Puts the file in its place, and both on the disk. Called once, last.
  absl::Status Commit();

  // Where the bytes are until Commit().
  const std::string& temporary() const { return temporary_; }

 private:
  ReplacedFile(std::string path, std::string temporary, int file)
      : path_(std::move(path)), temporary_(std::move(temporary)), file_(file) {}

  const std::string path_;
  const std::string temporary_;
  int file_;
  bool committed_ = false;
};

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_REPLACED_FILE_H_
