#ifndef MNEME_SERVER_SESSION_SESSION_RECORD_H_
#define MNEME_SERVER_SESSION_SESSION_RECORD_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/session/session_info.h"

namespace mneme {

// A value that can still be named.
struct RetainedStep {
  uint64_t step = 0;
  Digest digest{};
  friend bool operator==(const RetainedStep&, const RetainedStep&) = default;
};

// What the store keeps of a session beside its values: small, and names them.
// Invariant: `retained` is not empty, its steps follow each other, the head is
// the last.
struct SessionRecord {
  std::string model;
  Digest fingerprint{};
  std::string numeric_mode;
  MemoryPolicy policy = MemoryPolicy::kCarry;
  std::vector<RetainedStep> retained;
  absl::Time created;
  absl::Time last_used;

  const RetainedStep& head() const { return retained.back(); }
};

// CBOR (RFC 8949) with a format version. Decode: DATA_LOSS for bytes that are
// no record, FAILED_PRECONDITION for a newer format version.
std::string EncodeRecord(const SessionRecord& record);
absl::StatusOr<SessionRecord> DecodeRecord(absl::string_view bytes);

// The names of a session's objects in the store.
std::string ValueName(const Digest& digest);
std::string ReplyName(uint64_t step);

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_SESSION_RECORD_H_
