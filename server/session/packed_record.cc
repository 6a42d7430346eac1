#include "server/session/packed_record.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <vector>

namespace mneme {
namespace {

constexpr uint8_t kPolicyMask = 3;
constexpr uint8_t kTrusted = 4;
constexpr uint8_t kIdle = 8;
constexpr uint8_t kMaxAge = 16;
constexpr uint8_t kInOrder = 32;
constexpr uint8_t kAllFlags = 63;
constexpr uint64_t kMostStep = std::numeric_limits<uint64_t>::max() >> 2;

void AppendNumber(uint64_t number, std::string* bytes) {
  for (; number > 127; number >>= 7) {
    bytes->push_back(static_cast<char>(number | 128));
  }
  bytes->push_back(static_cast<char>(number));
}

void AppendSigned(int64_t number, std::string* bytes) {
  const uint64_t sign = number < 0 ? 1 : 0;
  const auto bits = static_cast<uint64_t>(number);
  AppendNumber((sign == 1 ? ~bits : bits) << 1 | sign, bytes);
}

bool ConsumeNumber(absl::string_view* in, uint64_t* number) {
  *number = 0;
  for (int shift = 0; shift < 64 && !in->empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(in->front());
    in->remove_prefix(1);
    const uint64_t bits = byte & 127;
    if (bits << shift >> shift != bits) return false;
    *number |= bits << shift;
    if (byte < 128) return true;
  }
  return false;
}

bool ConsumeSigned(absl::string_view* in, int64_t* number) {
  uint64_t coded = 0;
  if (!ConsumeNumber(in, &coded)) return false;
  const uint64_t bits = coded >> 1;
  *number = static_cast<int64_t>((coded & 1) == 1 ? ~bits : bits);
  return true;
}

// Whether the messages' numbers are 1, 2, 3 in the order of the steps.
bool AreInOrder(const std::vector<RetainedValue>& retained) {
  uint32_t message = 0;
  return std::all_of(retained.begin(), retained.end(),
                     [&](const RetainedValue& value) {
                       return value.message == 0 || value.message == ++message;
                     });
}

uint8_t FlagsOf(const SessionRecord& record) {
  auto flags = static_cast<uint8_t>(record.policy);
  if (record.trusted) flags |= kTrusted;
  if (record.ttl.idle < absl::InfiniteDuration()) flags |= kIdle;
  if (record.ttl.max_age < absl::InfiniteDuration()) flags |= kMaxAge;
  if (AreInOrder(record.retained)) flags |= kInOrder;
  return flags;
}

void PackTimes(const SessionRecord& record, uint8_t flags, std::string* bytes) {
  const int64_t created = absl::ToUnixMicros(record.created);
  AppendSigned(created, bytes);
  AppendSigned(absl::ToInt64Microseconds(absl::Time(record.last_used) -
                                         absl::FromUnixMicros(created)),
               bytes);
  if (flags & kIdle) {
    AppendNumber(static_cast<uint64_t>(TtlToMicros(record.ttl.idle)), bytes);
  }
  if (flags & kMaxAge) {
    AppendNumber(static_cast<uint64_t>(TtlToMicros(record.ttl.max_age)), bytes);
    AppendSigned(TtlToMicros(record.max_age_left), bytes);
  }
}

// A TTL is more than nothing.
bool UnpackTtl(absl::string_view* in, CompactMicros* ttl) {
  uint64_t micros = 0;
  if (!ConsumeNumber(in, &micros) || micros == 0 ||
      micros >= static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return false;
  }
  *ttl = TtlFromMicros(static_cast<int64_t>(micros));
  return true;
}

bool UnpackTimes(absl::string_view* in, uint8_t flags, SessionRecord* record) {
  int64_t created = 0;
  int64_t used = 0;
  if (!ConsumeSigned(in, &created) || !ConsumeSigned(in, &used)) return false;
  record->created = absl::FromUnixMicros(created);
  record->last_used = absl::FromUnixMicros(created) + absl::Microseconds(used);
  if ((flags & kIdle) && !UnpackTtl(in, &record->ttl.idle)) return false;
  if (!(flags & kMaxAge)) return true;
  int64_t left = 0;
  if (!UnpackTtl(in, &record->ttl.max_age) || !ConsumeSigned(in, &left)) {
    return false;
  }
  record->max_age_left = TtlFromMicros(left);
  return true;
}

void PackValue(const RetainedValue& value, uint64_t before, bool in_order,
               std::string* bytes) {
  const uint64_t starts = value.message > 0 ? 2 : 0;
  AppendNumber((value.step - before) << 2 | starts | value.pinned, bytes);
  AppendNumber(value.reply_bytes, bytes);
  if (starts > 0 && !in_order) AppendNumber(value.message, bytes);
}

// `messages` started so far.
bool UnpackValue(absl::string_view* in, bool in_order, uint32_t* messages,
                 std::vector<RetainedValue>* retained) {
  uint64_t coded = 0;
  uint64_t reply_bytes = 0;
  if (!ConsumeNumber(in, &coded) || !ConsumeNumber(in, &reply_bytes)) {
    return false;
  }
  const uint64_t steps = coded >> 2;
  const uint64_t before = retained->empty() ? 0 : retained->back().step;
  if (steps == 0 && !retained->empty()) return false;
  if (steps > kMostStep - before) return false;
  if (reply_bytes > std::numeric_limits<uint32_t>::max()) return false;
  RetainedValue& value = retained->emplace_back();
  value.step = before + steps;
  value.reply_bytes = static_cast<uint32_t>(reply_bytes);
  value.pinned = coded & 1;
  if ((coded & 2) == 0) return true;
  uint64_t message = ++*messages;
  if (!in_order && !ConsumeNumber(in, &message)) return false;
  if (message == 0 || message > RetainedValue::kMostMessage) return false;
  value.SetMessage(static_cast<uint32_t>(message));
  return true;
}

}  // namespace

std::string PackNumbers(const SessionRecord& record) {
  const uint8_t flags = FlagsOf(record);
  std::string bytes(1, static_cast<char>(flags));
  PackTimes(record, flags, &bytes);
  uint64_t before = 0;
  for (const RetainedValue& value : record.retained) {
    PackValue(value, before, flags & kInOrder, &bytes);
    before = value.step;
  }
  return bytes;
}

bool UnpackNumbers(absl::string_view bytes, SessionRecord* record) {
  if (bytes.empty()) return false;
  const auto flags = static_cast<uint8_t>(bytes.front());
  bytes.remove_prefix(1);
  const int policy = flags & kPolicyMask;
  if (policy != 1 && policy != 2) return false;
  if (flags > kAllFlags) return false;
  record->policy = static_cast<MemoryPolicy>(policy);
  record->trusted = (flags & kTrusted) != 0;
  if (!UnpackTimes(&bytes, flags, record)) return false;
  uint32_t messages = 0;
  while (!bytes.empty()) {
    if (!UnpackValue(&bytes, flags & kInOrder, &messages, &record->retained)) {
      return false;
    }
  }
  record->retained.shrink_to_fit();  // a million sessions may have one
  return !record->retained.empty();
}

}  // namespace mneme
