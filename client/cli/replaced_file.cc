#include "client/cli/replaced_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"

namespace mneme::cli {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kMode = 0666;  // less the umask

absl::Status CannotWrite(const std::string& path, const std::string& why) {
  return absl::DataLossError(absl::StrCat(path, ": cannot be written: ", why));
}

std::string Reason() { return std::generic_category().message(errno); }

}  // namespace

absl::StatusOr<std::unique_ptr<ReplacedFile>> ReplacedFile::Create(
    const std::string& path) {
  std::error_code error;
  if (fs::exists(path, error) && !fs::is_regular_file(path, error)) {
    return CannotWrite(path, "it is not a regular file");
  }
  const std::string temporary = absl::StrCat(path, ".new");
  const int file =
      open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kMode);
  if (file < 0) return CannotWrite(path, Reason());
  return std::unique_ptr<ReplacedFile>(new ReplacedFile(path, temporary, file));
}

ReplacedFile::~ReplacedFile() {
  if (file_ >= 0) close(file_);
  if (!committed_) unlink(temporary_.c_str());
}

absl::Status ReplacedFile::Write(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(file_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return CannotWrite(path_, Reason());
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status ReplacedFile::Commit() {
  if (fsync(file_) != 0 ||
      std::rename(temporary_.c_str(), path_.c_str()) != 0) {
    return CannotWrite(path_, Reason());
  }
  committed_ = true;
  // Its name is kept by the folder.
  const std::string folder = fs::absolute(path_).parent_path().string();
  const int file = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = file >= 0 && fsync(file) == 0;
  const std::string why = synced ? "" : Reason();
  if (file >= 0) close(file);
  return synced ? absl::OkStatus() : CannotWrite(path_, why);
}

}  // namespace mneme::cli
