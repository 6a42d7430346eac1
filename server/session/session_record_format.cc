// The part of session_record.h that reads and writes what the store keeps.

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/session/packed_record.h"
#include "server/session/read_cbor.h"
#include "server/session/session_record.h"

namespace mneme {
namespace {

using Json = nlohmann::json;

constexpr int kFormat = 4;
// The names of the fields. Short, since there is one record a session.
constexpr char kModel[] = "m";     // name, fingerprint, numeric mode, tensors
constexpr char kNumbers[] = "v";   // see packed_record.h
constexpr char kInitial[] = "d0";  // the digest of the value of step 0

constexpr size_t kDigestSize = std::tuple_size_v<Digest>;

Json Binary(absl::string_view bytes) {
  return Json::binary({bytes.begin(), bytes.end()});
}

absl::Status Corrupt(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("session record: ", what));
}

bool ReadDigest(const Json& json, Digest* digest) {
  if (!json.is_binary()) return false;
  const auto& bytes = json.get_binary();
  if (bytes.size() != kDigestSize) return false;
  std::copy(bytes.begin(), bytes.end(), digest->begin());
  return true;
}

// REQUIRES: record->retained has its steps. The value of step 0 is the model's,
// in no store: only its digest is kept.
bool ReadDigests(const Json& json, const std::vector<Digest>& values,
                 SessionRecord* record) {
  std::vector<RetainedValue>& retained = record->retained;
  const bool initial = retained.front().step == 0;
  if (values.size() + (initial ? 1 : 0) != retained.size()) return false;
  auto value = values.begin();
  for (RetainedValue& one : retained) {
    if (one.step > 0) one.digest = *value++;
  }
  if (!initial) return true;
  const auto it = json.find(kInitial);
  return it != json.end() && ReadDigest(*it, &retained.front().digest);
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
  if (!json.is_array()) return false;
  return std::all_of(json.begin(), json.end(), [&](const Json& tensor) {
    return ReadTensor(tensor, &memory->emplace_back());
  });
}

// REQUIRES: record->retained was read.
bool ReadReplies(const StepRange& replies, SessionRecord* record) {
  record->first_reply = replies.first;
  return replies.first > 0 && replies.end == record->head().step + 1 &&
         FindStep(record->retained, replies.first - 1) != nullptr;
}

std::string EncodeRecord(const SessionRecord& record) {
  const ModelIdentity& model = *record.model;
  Json json = {
      {"format", kFormat},
      {kModel, Json::array({model.name, Binary(AsBytes(model.fingerprint)),
                            model.numeric_mode, MemoryJson(model.memory)})},
      {kNumbers, Binary(PackNumbers(record))},
  };
  const RetainedStep& first = record.retained.front();
  if (first.step == 0) json[kInitial] = Binary(AsBytes(first.digest));
  std::string bytes;
  Json::to_cbor(json, bytes);
  return bytes;
}

// -1: it is none.
int64_t Integer(const Json& json, const char* key) {
  const auto it = json.find(key);
  return it != json.end() && it->is_number_integer() ? it->get<int64_t>() : -1;
}

absl::Status CheckFormat(const Json& json) {
  if (!json.is_object()) return Corrupt("it is not a CBOR map");
  const int64_t format = Integer(json, "format");
  if (format == kFormat) return absl::OkStatus();
  if (format < 1) return Corrupt("it has no format");
  return absl::FailedPreconditionError(absl::StrCat(
      "session record: format ", format, " is ",
      format > kFormat ? "newer" : "older", " than this server's ", kFormat));
}

absl::Status ReadModel(const Json& json, SessionRecord* record) {
  const auto it = json.find(kModel);
  if (it == json.end() || !it->is_array() || it->size() != 4 ||
      !(*it)[0].is_string() || !(*it)[2].is_string()) {
    return Corrupt("bad model");
  }
  ModelIdentity model;
  model.name = (*it)[0].get<std::string>();
  model.numeric_mode = (*it)[2].get<std::string>();
  if (!ReadDigest((*it)[1], &model.fingerprint)) {
    return Corrupt("bad fingerprint");
  }
  if (!ReadMemory((*it)[3], &model.memory)) {
    return Corrupt("bad memory tensors");
  }
  record->model = Intern(std::move(model));
  return absl::OkStatus();
}

absl::Status ReadNumbers(const Json& json, SessionRecord* record) {
  const auto it = json.find(kNumbers);
  if (it == json.end() || !it->is_binary()) return Corrupt("bad numbers");
  const auto& bytes = it->get_binary();
  const absl::string_view view(reinterpret_cast<const char*>(bytes.data()),
                               bytes.size());
  return UnpackNumbers(view, record) ? absl::OkStatus()
                                     : Corrupt("bad numbers");
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
  const Json json = ReadCbor(stored.bytes);
  RETURN_IF_ERROR(CheckFormat(json));
  SessionRecord record;
  record.root = stored.root;
  RETURN_IF_ERROR(ReadModel(json, &record));
  RETURN_IF_ERROR(ReadNumbers(json, &record));
  if (!ReadDigests(json, stored.values, &record) ||
      record.head().digest != stored.head) {
    return Corrupt("bad retained handles");
  }
  if (!ReadReplies(stored.replies, &record)) return Corrupt("bad replies");
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
