#include "server/session/session_record.h"

#include <algorithm>
#include <iterator>
#include <random>
#include <utility>

#include "server/session/lineage.h"

namespace mneme {

uint64_t KeptBytes(const SessionRecord& record) {
  uint64_t bytes = 0;
  for (const RetainedValue& value : record.retained) bytes += value.reply_bytes;
  return bytes;
}

const RetainedStep& NewestUpTo(const std::vector<RetainedValue>& retained,
                               uint64_t step) {
  const auto after = [](uint64_t a, const RetainedStep& b) {
    return a < b.step;
  };
  return *std::prev(
      std::upper_bound(retained.begin(), retained.end(), step, after));
}

std::vector<uint64_t> MessageStarts(const SessionRecord& record) {
  std::vector<std::pair<uint32_t, uint64_t>> starts;
  for (const RetainedValue& value : record.retained) {
    if (value.message > 0) starts.emplace_back(value.message, value.step);
  }
  std::sort(starts.begin(), starts.end());
  std::vector<uint64_t> steps;
  for (const auto& [message, step] : starts) steps.push_back(step);
  return steps;
}

void SetMessageStarts(const std::vector<uint64_t>& steps,
                      SessionRecord* record) {
  for (RetainedValue& value : record->retained) value.message = 0;
  uint32_t message = 0;
  for (const uint64_t step : steps) {
    FindStep(record->retained, step)->SetMessage(++message);
  }
}

std::vector<uint64_t> PinnedSteps(const SessionRecord& record) {
  std::vector<uint64_t> steps;
  for (const RetainedValue& value : record.retained) {
    if (value.pinned) steps.push_back(value.step);
  }
  return steps;
}

Root NewRoot() {
  std::random_device random;  // the operating system's
  Root root;
  for (uint8_t& byte : root) byte = static_cast<uint8_t>(random());
  return root;
}

SessionRecord FirstRecord(const ModelSpec& model, MemoryPolicy policy,
                          absl::string_view tenant_key, absl::Time now) {
  SessionRecord record;
  record.root = NewRoot();
  record.model = Intern(IdentityOf(model));
  record.policy = policy;
  record.retained = {{{0, InitialDigest(tenant_key, model.fingerprint)}, 0}};
  record.created = now;
  record.last_used = now;
  return record;
}

SessionLife LifeOf(const SessionRecord& record, absl::Duration now,
                   absl::Time wall) {
  StoredTtl stored;
  stored.policy = record.ttl;
  stored.max_age_left = record.max_age_left;
  stored.written = record.last_used;
  return RecoverLife(stored, now, wall);
}

}  // namespace mneme
