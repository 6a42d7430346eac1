#ifndef MNEME_SERVER_SESSION_SESSION_RECORD_H_
#define MNEME_SERVER_SESSION_SESSION_RECORD_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "model/tensor.h"
#include "server/session/session_info.h"

namespace mneme {

// A value that can still be named.
struct RetainedStep {
  uint64_t step = 0;
  Digest digest{};
  friend bool operator==(const RetainedStep&, const RetainedStep&) = default;
};

// What the store keeps of a session beside its values: small, and names them.
// Invariants: `retained` is not empty, its steps ascend, the head is the last.
// Each of `message_starts` is retained, the newest message's last.
// `reply_bytes` has an entry for each of `retained`: what the replies kept of
// the steps after the value before it, up to it, take in the store (0 for the
// oldest value, whose replies are gone). So their sum is what the session's
// kept replies take.
struct SessionRecord {
  std::string model;
  Digest fingerprint{};
  std::string numeric_mode;
  std::vector<TensorSpec> memory;  // what a value is made of, in stored order
  MemoryPolicy policy = MemoryPolicy::kCarry;
  std::vector<RetainedStep> retained;
  std::vector<uint64_t> reply_bytes;
  // What the newest messages started from (retention.h).
  std::vector<uint64_t> message_starts;
  absl::Time created;
  absl::Time last_used;

  const RetainedStep& head() const { return retained.back(); }
};

// CBOR (RFC 8949) with a format version. Decode: DATA_LOSS for bytes that are
// no record, FAILED_PRECONDITION for a newer format version.
std::string EncodeRecord(const SessionRecord& record);
absl::StatusOr<SessionRecord> DecodeRecord(absl::string_view bytes);

// What the kept replies take in the store.
uint64_t KeptBytes(const SessionRecord& record);

// The retained value of `step`; nullptr when it is not retained.
const RetainedStep* FindStep(const std::vector<RetainedStep>& retained,
                             uint64_t step);

// The newest retained value at or before `step`. REQUIRES: there is one.
const RetainedStep& NewestUpTo(const std::vector<RetainedStep>& retained,
                               uint64_t step);

// The names of a session's objects in the store. There is a value for each
// retained step but 0, and a reply for each step after the oldest.
std::string ValueName(const Digest& digest);
std::string ReplyName(uint64_t step);

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_SESSION_RECORD_H_
