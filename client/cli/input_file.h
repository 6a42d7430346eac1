#ifndef MNEME_CLIENT_CLI_INPUT_FILE_H_
#define MNEME_CLIENT_CLI_INPUT_FILE_H_

#include <cstddef>
#include <fstream>
#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace mneme::cli {

// A file, or a pipe, that is read from its beginning, once. Used by one thread.
class InputFile {
 public:
  // NOT_FOUND or FAILED_PRECONDITION, which name the path.
  static absl::StatusOr<InputFile> Open(const std::string& path);

  // The next bytes, at most so many; nothing at the end. FAILED_PRECONDITION if
  // it cannot be read, as a folder.
  absl::StatusOr<std::string> Read(size_t max_bytes);

 private:
  InputFile(std::string path, std::ifstream stream)
      : path_(std::move(path)), stream_(std::move(stream)) {}

  std::string path_;
  std::ifstream stream_;
};

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_INPUT_FILE_H_
