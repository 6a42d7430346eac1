#include "server/session/session_ttl.h"

#include <algorithm>
#include <limits>

namespace mneme {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
constexpr int64_t kLongAgo = std::numeric_limits<int64_t>::min();

// Not just a sum: -infinite + infinite is -infinite.
absl::Duration After(absl::Duration start, absl::Duration ttl) {
  return ttl == absl::InfiniteDuration() ? ttl : start + ttl;
}

}  // namespace

LifeEnd EndOfLife(const TtlPolicy& policy, const SessionLife& life) {
  const absl::Duration idle = After(life.last_used, policy.idle);
  const absl::Duration age = After(life.created, policy.max_age);
  if (idle < age) return {idle, EndReason::kIdleTtl};
  return {age, EndReason::kMaxAge};
}

std::optional<EndReason> ExpiredBy(const TtlPolicy& policy,
                                   const SessionLife& life,
                                   absl::Duration now) {
  const LifeEnd end = EndOfLife(policy, life);
  if (now < end.at) return std::nullopt;
  return end.reason;
}

StoredTtl StoreTtl(const TtlPolicy& policy, const SessionLife& life,
                   absl::Duration now, absl::Time wall) {
  StoredTtl stored;
  stored.policy = policy;
  stored.max_age_left = policy.max_age - (now - life.created);
  stored.written = wall;
  return stored;
}

SessionLife RecoverLife(const StoredTtl& stored, absl::Duration now,
                        absl::Time wall) {
  const absl::Duration since_write =
      std::max(wall - stored.written, absl::ZeroDuration());
  const absl::Duration last_used = now - since_write;
  absl::Duration created = last_used;
  const absl::Duration max_age = stored.policy.max_age;
  if (max_age < absl::InfiniteDuration()) {
    created += std::min(stored.max_age_left, max_age) - max_age;
  }
  return {created, last_used};
}

int64_t TtlToMicros(absl::Duration ttl) {
  return absl::ToInt64Microseconds(ttl);
}

absl::Duration TtlFromMicros(int64_t micros) {
  if (micros == kNever) return absl::InfiniteDuration();
  if (micros == kLongAgo) return -absl::InfiniteDuration();
  return absl::Microseconds(micros);
}

}  // namespace mneme
