#ifndef MNEME_CLIENT_CLI_EXPORTED_FILE_H_
#define MNEME_CLIENT_CLI_EXPORTED_FILE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/session/session_manifest.h"

namespace mneme::cli {

// A file that a session was exported to, as it is found: what it says of
// itself, and whether that holds. A plain value.
struct ExportedFile {
  std::string path;
  uint64_t bytes = 0;
  SessionManifest manifest;  // as the file claims
  bool is_signed = false;    // with the key of a deployment: has an `hmac`
  // DATA_LOSS: the file is not what was exported.
  absl::Status holds;
};

// INVALID_ARGUMENT for what is no such file, before it is read whole; DATA_LOSS
// for one that is damaged so that it says nothing. Errors name the path. A
// pure function of the file.
absl::StatusOr<ExportedFile> ReadExportedFile(const std::string& path);

// All of it, for people, in lines; and as a JSON object on a line.
std::string DescribeFile(const ExportedFile& file);
std::string FileJson(const ExportedFile& file);

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_EXPORTED_FILE_H_
