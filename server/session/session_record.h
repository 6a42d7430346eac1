#ifndef MNEME_SERVER_SESSION_SESSION_RECORD_H_
#define MNEME_SERVER_SESSION_SESSION_RECORD_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "model/sequence_model.h"
#include "server/base/compact_time.h"
#include "server/session/model_identity.h"
#include "server/session/session_info.h"
#include "server/session/session_ttl.h"

namespace mneme {

// A value that can still be named.
struct RetainedStep {
  uint64_t step = 0;
  Digest digest{};
  friend bool operator==(const RetainedStep&, const RetainedStep&) = default;
};

// One of a session's.
struct RetainedValue : RetainedStep {
  // What the replies kept of the steps after the value before it, up to it,
  // take in the store.
  uint32_t reply_bytes = 0;
  // Not 0: one of the newest messages (retention.h) started from it; the newer
  // the message, the greater. As many as may be configured.
  uint32_t message : 20 = 0;
  // Not 0: it stays for so many messages more (DurableHead); not in the store.
  uint32_t held : 11 = 0;
  // It stays until it is unpinned.
  uint32_t pinned : 1 = 0;
  friend bool operator==(const RetainedValue&, const RetainedValue&) = default;

  static constexpr uint32_t kMostMessage = (1u << 20) - 1;
  static constexpr uint32_t kMostHeld = (1u << 11) - 1;
  void SetMessage(uint32_t number) { message = number & kMostMessage; }
  void SetHeld(uint32_t messages) { held = messages & kMostHeld; }
};

// What the store keeps of a session beside its values: small, and names them.
// Invariants: `retained` is not empty, its steps ascend, the head is the last.
// Replies are kept of each step from `first_reply` on to the head; the value
// before `first_reply` is retained. The sum of all RetainedValue::reply_bytes
// is what the session's kept replies take.
struct SessionRecord {
  Root root{};
  const ModelIdentity* model = nullptr;  // interned
  std::vector<RetainedValue> retained;
  uint64_t first_reply = 1;
  MemoryPolicy policy = MemoryPolicy::kCarry;
  // False: the values are said to be of their digests, but not by this
  // deployment (an import that proves nothing). Such a session, what is forked
  // from it and what it computes later neither lend a step nor borrow one.
  bool trusted = true;
  CompactTime created;
  CompactTime last_used;  // when the record was written
  CompactTtl ttl;
  CompactMicros max_age_left = absl::InfiniteDuration();  // then

  const RetainedStep& head() const { return retained.back(); }
};

// A record as the store keeps it. Its bytes are CBOR (RFC 8949) with a format
// version; the digests of values are in StoredRecord::values. FromStored:
// DATA_LOSS for what is no record, FAILED_PRECONDITION for a newer format
// version.
StoredRecord ToStored(const SessionKey& session, Durability durability,
                      const SessionRecord& record);
absl::StatusOr<SessionRecord> FromStored(const StoredRecord& stored);
// The same; if the store tells when it was written, `last_used` is that by this
// server's clock, which says `wall`.
absl::StatusOr<SessionRecord> FromStored(const StoredRecord& stored,
                                         absl::Time wall);

// Draws a family's name.
Root NewRoot();
// The record of a session of its own family to which nothing was applied.
SessionRecord FirstRecord(const ModelSpec& model, MemoryPolicy policy,
                          absl::string_view tenant_key, absl::Time now);

// When a session of this record has lived, if it is brought back now.
SessionLife LifeOf(const SessionRecord& record, absl::Duration now,
                   absl::Time wall);

// What the kept replies take in the store.
uint64_t KeptBytes(const SessionRecord& record);

// The steps that the newest messages started from, the oldest message's first.
// Those that are set are retained, each once.
std::vector<uint64_t> MessageStarts(const SessionRecord& record);
void SetMessageStarts(const std::vector<uint64_t>& steps,
                      SessionRecord* record);

// The steps of the pinned values, which ascend.
std::vector<uint64_t> PinnedSteps(const SessionRecord& record);

// The retained value (a RetainedStep) of `step`; nullptr when it is not
// retained.
template <typename Values>
auto FindStep(Values& retained, uint64_t step) -> decltype(retained.data()) {
  const auto it = std::lower_bound(
      retained.begin(), retained.end(), step,
      [](const RetainedStep& a, uint64_t b) { return a.step < b; });
  return it != retained.end() && it->step == step ? &*it : nullptr;
}

// The newest retained value at or before `step`. REQUIRES: there is one.
const RetainedStep& NewestUpTo(const std::vector<RetainedValue>& retained,
                               uint64_t step);

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_SESSION_RECORD_H_
