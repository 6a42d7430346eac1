#ifndef MNEME_CLIENT_CLI_HANDLES_FILE_H_
#define MNEME_CLIENT_CLI_HANDLES_FILE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/text_part.h"
#include "client/handle.h"

namespace mneme::cli {

// Where a session goes on: the text that its last durable handle has not seen.
// A plain value.
struct ResumePoint {
  client::MemoryHandle handle;
  TextPart rest;
};

// Writes a line of JSON for each: handle (session/step/hex), file, begin, end.
// The file is replaced whole.
absl::Status WriteHandles(const std::string& path,
                          const std::vector<ResumePoint>& points);

// Whether WriteHandles() can write there; leaves nothing behind.
absl::Status CheckHandlesWritable(const std::string& path);

// INVALID_ARGUMENT names the line and what is wrong with it.
absl::StatusOr<std::vector<ResumePoint>> ReadHandles(const std::string& path);

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_HANDLES_FILE_H_
