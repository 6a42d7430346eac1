#include "client/cli/input_file.h"

#include <cerrno>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace mneme::cli {

absl::StatusOr<InputFile> InputFile::Open(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (stream) return InputFile(path, std::move(stream));
  const std::string text = absl::StrCat(
      path, ": cannot be read: ", std::generic_category().message(errno));
  return errno == ENOENT ? absl::NotFoundError(text)
                         : absl::FailedPreconditionError(text);
}

absl::StatusOr<std::string> InputFile::Read(size_t max_bytes) {
  std::string bytes(max_bytes, '\0');
  stream_.read(bytes.data(), static_cast<std::streamsize>(max_bytes));
  if (stream_.bad()) {
    return absl::FailedPreconditionError(
        absl::StrCat(path_, ": cannot be read"));
  }
  bytes.resize(static_cast<size_t>(stream_.gcount()));
  return bytes;
}

}  // namespace mneme::cli
