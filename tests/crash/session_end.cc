#include "tests/crash/session_end.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "absl/strings/match.h"
#include "client/error.h"

namespace mneme {

bool IsExpired(const grpc::Status& status) {
  return status.error_code() == grpc::FAILED_PRECONDITION &&
         client::DetailsOf(client::FromGrpc(status)).reason ==
             "SESSION_EXPIRED";
}

std::string LastHandle(const grpc::Status& status) {
  return client::DetailsOf(client::FromGrpc(status)).metadata["last"];
}

bool IsGone(const grpc::Status& status, SessionEnd end) {
  return end == SessionEnd::kExpire ? IsExpired(status)
                                    : status.error_code() == grpc::NOT_FOUND;
}

std::vector<std::string> FilesWith(const std::string& folder,
                                   const std::string& bytes) {
  std::vector<std::string> names;
  // The server makes and removes files meanwhile.
  std::error_code ignored;
  for (std::filesystem::recursive_directory_iterator file(folder, ignored), end;
       file != end; file.increment(ignored)) {
    std::ifstream stream(file->path(), std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(stream), {}};
    if (absl::StrContains(content, bytes)) {
      names.push_back(file->path().filename().string());
    }
  }
  return names;
}

}  // namespace mneme
