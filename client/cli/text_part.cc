#include "client/cli/text_part.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"

namespace mneme::cli {
namespace {

absl::StatusOr<uint64_t> SizeOf(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    return absl::NotFoundError(absl::StrCat(path, ": no such file"));
  }
  if (!std::filesystem::is_regular_file(path, error)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": not a regular file"));
  }
  uint64_t size = std::filesystem::file_size(path, error);
  if (error) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": ", error.message()));
  }
  if (size == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": the file is empty"));
  }
  return size;
}

absl::StatusOr<std::ifstream> OpenFile(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (stream) return stream;
  // Not UNAVAILABLE, which is a server's.
  return absl::FailedPreconditionError(absl::StrCat(
      path, ": cannot be read: ", std::generic_category().message(errno)));
}

}  // namespace

absl::StatusOr<std::vector<TextPart>> CutIntoParts(
    const std::vector<std::string>& files, uint64_t sessions, uint64_t limit) {
  if (sessions == 0) sessions = files.size();
  if (sessions < files.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--sessions ", sessions, ": expected at least ",
                     files.size(), ", one for each FILE"));
  }
  std::vector<TextPart> parts;
  for (size_t i = 0; i < files.size(); ++i) {
    ASSIGN_OR_RETURN(uint64_t size, SizeOf(files[i]));
    if (limit > 0) size = std::min(size, limit);
    uint64_t count = sessions / files.size();
    if (i < sessions % files.size()) ++count;
    for (uint64_t k = 0; k < count; ++k) {
      TextPart part{files[i], size * k / count, size * (k + 1) / count};
      if (part.begin < part.end) parts.push_back(std::move(part));
    }
  }
  return parts;
}

absl::StatusOr<PartReader> PartReader::Open(const TextPart& part) {
  RETURN_IF_ERROR(OpenFile(part.path).status());
  return PartReader(part);
}

absl::StatusOr<std::string> PartReader::Read(size_t max_bytes) {
  ASSIGN_OR_RETURN(std::ifstream stream, OpenFile(path_));
  std::string text(std::min<uint64_t>(max_bytes, left_), '\0');
  stream.seekg(static_cast<std::streamoff>(next_));
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (static_cast<size_t>(stream.gcount()) != text.size()) {
    return absl::DataLossError(
        absl::StrCat(path_, ": the file ended ", left_, " bytes too early"));
  }
  next_ += text.size();
  left_ -= text.size();
  return text;
}

}  // namespace mneme::cli
