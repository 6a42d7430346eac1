#include "server/session/session_record.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace mneme {
namespace {

using Json = nlohmann::json;

constexpr int kFormat = 1;
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

bool ReadRetained(const Json& json, std::vector<RetainedStep>* retained) {
  const auto it = json.find("retained");
  if (it == json.end() || !it->is_binary()) return false;
  const auto& bytes = it->get_binary();
  if (bytes.empty() || bytes.size() % kDigestSize != 0) return false;
  const auto first = json.value("first_step", uint64_t{0});
  for (size_t i = 0; i * kDigestSize < bytes.size(); ++i) {
    RetainedStep& step = retained->emplace_back();
    step.step = first + i;
    std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(i * kDigestSize),
                kDigestSize, step.digest.begin());
  }
  return true;
}

}  // namespace

std::string EncodeRecord(const SessionRecord& record) {
  std::string digests;
  for (const RetainedStep& step : record.retained) {
    absl::StrAppend(&digests, AsBytes(step.digest));
  }
  const Json json = {
      {"format", kFormat},
      {"model", record.model},
      {"fingerprint", Binary(AsBytes(record.fingerprint))},
      {"numeric_mode", record.numeric_mode},
      {"policy", static_cast<int>(record.policy)},
      {"first_step", record.retained.front().step},
      {"retained", Binary(digests)},
      {"created_us", absl::ToUnixMicros(record.created)},
      {"last_used_us", absl::ToUnixMicros(record.last_used)},
  };
  std::string bytes;
  Json::to_cbor(json, bytes);
  return bytes;
}

absl::StatusOr<SessionRecord> DecodeRecord(absl::string_view bytes) {
  const Json json =
      Json::from_cbor(bytes.begin(), bytes.end(),
                      /*strict=*/true, /*allow_exceptions=*/false);
  if (!json.is_object()) return Corrupt("it is not a CBOR map");
  const auto integer = [&](const char* key) {
    const auto it = json.find(key);
    return it != json.end() && it->is_number_integer() ? it->get<int64_t>()
                                                       : int64_t{-1};
  };
  const auto text = [&](const char* key) {
    const auto it = json.find(key);
    return it != json.end() && it->is_string() ? it->get<std::string>()
                                               : std::string();
  };
  if (integer("format") > kFormat) {
    return absl::FailedPreconditionError(
        absl::StrCat("session record: format ", integer("format"),
                     " is newer than this server's ", kFormat));
  }
  if (integer("format") != kFormat) return Corrupt("it has no format version");
  SessionRecord record;
  record.model = text("model");
  record.numeric_mode = text("numeric_mode");
  const int64_t policy = integer("policy");
  if (policy != 1 && policy != 2) return Corrupt("bad policy");
  record.policy = static_cast<MemoryPolicy>(policy);
  if (!ReadDigest(json, "fingerprint", &record.fingerprint)) {
    return Corrupt("bad fingerprint");
  }
  if (integer("first_step") < 0 || !ReadRetained(json, &record.retained)) {
    return Corrupt("bad retained handles");
  }
  record.created = absl::FromUnixMicros(integer("created_us"));
  record.last_used = absl::FromUnixMicros(integer("last_used_us"));
  return record;
}

std::string ValueName(const Digest& digest) {
  return absl::StrCat("value/", absl::BytesToHexString(AsBytes(digest)));
}

std::string ReplyName(uint64_t step) { return absl::StrCat("reply/", step); }

}  // namespace mneme
