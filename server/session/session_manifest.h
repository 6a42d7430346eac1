#ifndef MNEME_SERVER_SESSION_SESSION_MANIFEST_H_
#define MNEME_SERVER_SESSION_SESSION_MANIFEST_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "model/tensor.h"
#include "server/base/sha256.h"
#include "server/session/handle.h"
#include "server/session/memory_policy.h"

namespace mneme {

// What an exported session file (session_file.h) says of the memory value that
// it holds. Pure functions, called on any thread.
struct SessionManifest {
  MemoryHandle handle;  // the value's: session, step, lineage digest
  std::string model;
  Digest fingerprint{};
  std::string numeric_mode;
  MemoryPolicy policy = MemoryPolicy::kCarry;
  std::vector<TensorSpec> memory;  // what the value is made of, in stored order
  absl::Time exported;             // finite
};

// Field names to texts: all of a manifest but `memory`, and "mneme_format".
//   mneme_format    "1"
//   session_id      as CheckSessionId takes it
//   model, numeric_mode   any text
//   fingerprint, digest   64 hex digits, in lower case
//   memory_policy   "CARRY" or "RESET"
//   step            decimal, without leading zeros
//   exported        RFC 3339 in UTC: "2024-05-06T07:08:09.5Z"
using ManifestFields = std::map<std::string, std::string>;

ManifestFields ToFields(const SessionManifest& manifest);

// INVALID_ARGUMENT when the fields are no manifest at all or that of a newer
// format. To be asked before anything else is believed of them.
absl::Status CheckManifestFormat(const ManifestFields& fields);

// Takes what ToFields gives, and no other spelling of it; leaves `memory`
// empty. Fields that it does not know are no error. INVALID_ARGUMENT names the
// field and what was expected.
absl::StatusOr<SessionManifest> ReadFields(const ManifestFields& fields);

// A digest in that spelling, and back. INVALID_ARGUMENT names the field.
std::string ToHex(const Digest& digest);
absl::StatusOr<Digest> ReadHexField(const ManifestFields& fields,
                                    absl::string_view field);

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_SESSION_MANIFEST_H_
