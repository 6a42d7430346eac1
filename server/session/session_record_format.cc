// The part of session_record.h that reads and writes what the store keeps.

#include <algorithm>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/session/session_record.h"

namespace mneme {
namespace {

using Json = nlohmann::json;

constexpr int kFormat = 3;
// The names of the fields. Short, since there is one record a session; what
// they are is said at SessionRecord. TTLs and times are in microseconds; an
// infinite TTL is null.
constexpr char kModel[] = "m";
constexpr char kFingerprint[] = "fp";
constexpr char kNumericMode[] = "nm";
constexpr char kMemory[] = "t";
constexpr char kPolicy[] = "p";
constexpr char kSteps[] = "s";
constexpr char kReplyBytes[] = "rb";
constexpr char kMessageStarts[] = "ms";
constexpr char kPinned[] = "pin";
constexpr char kTrusted[] = "tr";
constexpr char kCreated[] = "c";
constexpr char kLastUsed[] = "u";
constexpr char kIdle[] = "i";
constexpr char kMaxAge[] = "a";
constexpr char kMaxAgeLeft[] = "al";
constexpr char kInitial[] = "d0";

constexpr size_t kDigestSize = std::tuple_size_v<Digest>;

Json Binary(absl::string_view bytes) {
  return Json::binary({bytes.begin(), bytes.end()});
}

absl::Status Corrupt(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("session record: ", what));
}

bool ReadDigest(const Json& json, const char* key, Digest* digest) {
  const auto it = json.find(key);
  if (it == json.end() || !it->is_binary()) return false;
  const auto& bytes = it->get_binary();
  if (bytes.size() != kDigestSize) return false;
  std::copy(bytes.begin(), bytes.end(), digest->begin());
  return true;
}

bool ReadNumbers(const Json& json, const char* key,
                 std::vector<uint64_t>* numbers) {
  const auto it = json.find(key);
  if (it == json.end() || !it->is_array()) return false;
  numbers->reserve(it->size());
  for (const Json& number : *it) {
    if (!number.is_number_unsigned()) return false;
    numbers->push_back(number.get<uint64_t>());
  }
  return true;
}

// Step numbers, which ascend.
bool ReadSteps(const Json& json, std::vector<uint64_t>* steps) {
  if (!ReadNumbers(json, kSteps, steps) || steps->empty()) return false;
  return std::adjacent_find(steps->begin(), steps->end(),
                            std::greater_equal<>()) == steps->end();
}

// The value of step 0 is the model's, in no store: only its digest is kept.
bool ReadRetained(const Json& json, const std::vector<Digest>& values,
                  std::vector<RetainedValue>* retained) {
  std::vector<uint64_t> steps;
  if (!ReadSteps(json, &steps)) return false;
  const bool initial = steps.front() == 0;
  if (values.size() + (initial ? 1 : 0) != steps.size()) return false;
  auto value = values.begin();
  retained->reserve(steps.size());
  for (const uint64_t step : steps) {
    RetainedValue& added = retained->emplace_back();
    added.step = step;
    if (step > 0) added.digest = *value++;
  }
  return !initial || ReadDigest(json, kInitial, &retained->front().digest);
}

// REQUIRES: record->retained was read.
bool ReadReplyBytes(const Json& json, SessionRecord* record) {
  std::vector<uint64_t> bytes;
  if (!ReadNumbers(json, kReplyBytes, &bytes)) return false;
  if (bytes.size() != record->retained.size()) return false;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] > std::numeric_limits<uint32_t>::max()) return false;
    record->retained[i].reply_bytes = static_cast<uint32_t>(bytes[i]);
  }
  return true;
}

Json MemoryJson(const std::vector<TensorSpec>& memory) {
  Json tensors = Json::array();
  for (const TensorSpec& tensor : memory) {
    tensors.push_back(Json::array(
        {tensor.name, std::string(DTypeName(tensor.dtype)), tensor.shape}));
  }
  return tensors;
}

bool ReadTensor(const Json& json, TensorSpec* tensor) {
  if (!json.is_array() || json.size() != 3) return false;
  const Json& name = json[0];
  const Json& dtype = json[1];
  const Json& shape = json[2];
  if (!name.is_string() || !dtype.is_string() || !shape.is_array()) {
    return false;
  }
  const auto parsed = ParseDType(dtype.get<std::string>());
  if (!parsed.ok()) return false;
  tensor->name = name.get<std::string>();
  tensor->dtype = *parsed;
  for (const Json& dimension : shape) {
    if (!dimension.is_number_integer()) return false;
    tensor->shape.push_back(dimension.get<int64_t>());
  }
  return true;
}

bool ReadMemory(const Json& json, std::vector<TensorSpec>* memory) {
  const auto it = json.find(kMemory);
  if (it == json.end() || !it->is_array()) return false;
  return std::all_of(it->begin(), it->end(), [&](const Json& tensor) {
    return ReadTensor(tensor, &memory->emplace_back());
  });
}

// Steps that are retained. REQUIRES: record->retained was read.
bool ReadRetainedSteps(const Json& json, const char* key,
                       const SessionRecord& record,
                       std::vector<uint64_t>* steps) {
  if (!ReadNumbers(json, key, steps)) return false;
  return std::all_of(steps->begin(), steps->end(), [&](uint64_t step) {
    return FindStep(record.retained, step) != nullptr;
  });
}

// Records of before there was a choice have none.
bool ReadTrusted(const Json& json, bool* trusted) {
  const auto it = json.find(kTrusted);
  if (it == json.end()) return true;
  if (!it->is_boolean()) return false;
  *trusted = it->get<bool>();
  return true;
}

// REQUIRES: record->retained was read.
bool ReadReplies(const StepRange& replies, SessionRecord* record) {
  record->first_reply = replies.first;
  return replies.first > 0 && replies.end == record->head().step + 1 &&
         FindStep(record->retained, replies.first - 1) != nullptr;
}

Json TtlJson(absl::Duration ttl) {
  if (ttl == absl::InfiniteDuration()) return nullptr;
  return TtlToMicros(ttl);
}

bool ReadTtl(const Json& json, const char* key, CompactMicros* ttl) {
  const auto it = json.find(key);
  if (it == json.end()) return false;
  if (it->is_null()) {
    *ttl = absl::InfiniteDuration();
  } else if (it->is_number_integer()) {
    *ttl = TtlFromMicros(it->get<int64_t>());
  } else {
    return false;
  }
  return true;
}

std::string EncodeRecord(const SessionRecord& record) {
  std::vector<uint64_t> steps;
  std::vector<uint64_t> reply_bytes;
  for (const RetainedValue& value : record.retained) {
    steps.push_back(value.step);
    reply_bytes.push_back(value.reply_bytes);
  }
  Json json = {
      {"format", kFormat},
      {kModel, record.model->name},
      {kFingerprint, Binary(AsBytes(record.model->fingerprint))},
      {kNumericMode, record.model->numeric_mode},
      {kMemory, MemoryJson(record.model->memory)},
      {kPolicy, static_cast<int>(record.policy)},
      {kSteps, steps},
      {kReplyBytes, reply_bytes},
      {kMessageStarts, MessageStarts(record)},
      {kPinned, PinnedSteps(record)},
      {kTrusted, record.trusted},
      {kCreated, absl::ToUnixMicros(record.created)},
      {kLastUsed, absl::ToUnixMicros(record.last_used)},
      {kIdle, TtlJson(record.ttl.idle)},
      {kMaxAge, TtlJson(record.ttl.max_age)},
      {kMaxAgeLeft, TtlJson(record.max_age_left)},
  };
  if (steps.front() == 0) {
    json[kInitial] = Binary(AsBytes(record.retained.front().digest));
  }
  std::string bytes;
  Json::to_cbor(json, bytes);
  return bytes;
}

// -1: it is none.
int64_t Integer(const Json& json, const char* key) {
  const auto it = json.find(key);
  return it != json.end() && it->is_number_integer() ? it->get<int64_t>() : -1;
}

// Empty: it is none.
std::string Text(const Json& json, const char* key) {
  const auto it = json.find(key);
  return it != json.end() && it->is_string() ? it->get<std::string>() : "";
}

absl::Status CheckFormat(const Json& json) {
  if (!json.is_object()) return Corrupt("it is not a CBOR map");
  const int64_t format = Integer(json, "format");
  if (format > kFormat) {
    return absl::FailedPreconditionError(
        absl::StrCat("session record: format ", format,
                     " is newer than this server's ", kFormat));
  }
  if (format == kFormat) return absl::OkStatus();
  return Corrupt(absl::StrCat("format ", format, ", expected ", kFormat));
}

absl::Status ReadModel(const Json& json, SessionRecord* record) {
  ModelIdentity model;
  model.name = Text(json, kModel);
  model.numeric_mode = Text(json, kNumericMode);
  if (!ReadDigest(json, kFingerprint, &model.fingerprint)) {
    return Corrupt("bad fingerprint");
  }
  if (!ReadMemory(json, &model.memory)) return Corrupt("bad memory tensors");
  record->model = Intern(std::move(model));
  return absl::OkStatus();
}

// What the session retains.
absl::Status ReadHeld(const Json& json, const StoredRecord& stored,
                      SessionRecord* record) {
  if (!ReadRetained(json, stored.values, &record->retained) ||
      record->head().digest != stored.head) {
    return Corrupt("bad retained handles");
  }
  if (!ReadReplies(stored.replies, record)) return Corrupt("bad replies");
  if (!ReadReplyBytes(json, record)) return Corrupt("bad reply bytes");
  std::vector<uint64_t> starts;
  if (!ReadRetainedSteps(json, kMessageStarts, *record, &starts)) {
    return Corrupt("bad message starts");
  }
  SetMessageStarts(starts, record);
  std::vector<uint64_t> pinned;
  if (!ReadRetainedSteps(json, kPinned, *record, &pinned)) {
    return Corrupt("bad pinned steps");
  }
  SetPinnedSteps(pinned, record);
  return absl::OkStatus();
}

absl::Status ReadTimes(const Json& json, SessionRecord* record) {
  record->created = absl::FromUnixMicros(Integer(json, kCreated));
  record->last_used = absl::FromUnixMicros(Integer(json, kLastUsed));
  if (!ReadTtl(json, kIdle, &record->ttl.idle) ||
      !ReadTtl(json, kMaxAge, &record->ttl.max_age) ||
      !ReadTtl(json, kMaxAgeLeft, &record->max_age_left) ||
      record->ttl.idle <= absl::ZeroDuration() ||
      record->ttl.max_age <= absl::ZeroDuration()) {
    return Corrupt("bad TTLs");
  }
  return absl::OkStatus();
}

}  // namespace

StoredRecord ToStored(const SessionKey& session, Durability durability,
                      const SessionRecord& record) {
  StoredRecord stored;
  stored.session = session;
  stored.root = record.root;
  stored.durability = durability;
  stored.head = record.head().digest;
  for (const RetainedStep& step : record.retained) {
    if (step.step > 0) stored.values.push_back(step.digest);
  }
  stored.replies = {record.first_reply, record.head().step + 1};
  stored.bytes = EncodeRecord(record);
  return stored;
}

absl::StatusOr<SessionRecord> FromStored(const StoredRecord& stored) {
  const Json json =
      Json::from_cbor(stored.bytes.begin(), stored.bytes.end(),
                      /*strict=*/true, /*allow_exceptions=*/false);
  RETURN_IF_ERROR(CheckFormat(json));
  SessionRecord record;
  record.root = stored.root;
  const int64_t policy = Integer(json, kPolicy);
  if (policy != 1 && policy != 2) return Corrupt("bad policy");
  record.policy = static_cast<MemoryPolicy>(policy);
  RETURN_IF_ERROR(ReadModel(json, &record));
  RETURN_IF_ERROR(ReadHeld(json, stored, &record));
  if (!ReadTrusted(json, &record.trusted)) return Corrupt("bad trust");
  RETURN_IF_ERROR(ReadTimes(json, &record));
  return record;
}

absl::StatusOr<SessionRecord> FromStored(const StoredRecord& stored,
                                         absl::Time wall) {
  absl::StatusOr<SessionRecord> record = FromStored(stored);
  if (record.ok() && stored.ages.has_value()) {
    record->last_used = wall - stored.ages->written;
  }
  return record;
}

}  // namespace mneme
