#include "server/session/tombstones.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/error_info.h"
#include "server/session/read_cbor.h"

namespace mneme {
namespace {

using Json = nlohmann::json;

constexpr int kFormat = 1;

absl::Status Corrupt(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("tombstone: ", what));
}

bool ReadText(const Json& json, const char* key, std::string* text) {
  const auto it = json.find(key);
  if (it == json.end() || !it->is_string()) return false;
  *text = it->get<std::string>();
  return true;
}

std::optional<int64_t> ReadInteger(const Json& json, const char* key) {
  const auto it = json.find(key);
  if (it == json.end() || !it->is_number_integer()) return std::nullopt;
  return it->get<int64_t>();
}

bool ReadStep(const Json& json, uint64_t* step) {
  const auto it = json.find("step");
  if (it == json.end() || !it->is_number_unsigned()) return false;
  *step = it->get<uint64_t>();
  return true;
}

bool ReadDigest(const Json& json, Digest* digest) {
  const auto it = json.find("digest");
  if (it == json.end() || !it->is_binary()) return false;
  const auto& bytes = it->get_binary();
  if (bytes.size() != digest->size()) return false;
  std::copy(bytes.begin(), bytes.end(), digest->begin());
  return true;
}

bool ReadReason(const Json& json, EndReason* reason) {
  const std::optional<int64_t> number = ReadInteger(json, "reason");
  if (!number.has_value() || *number < 1 || *number > 4) return false;
  *reason = static_cast<EndReason>(*number);
  return true;
}

absl::Status CheckFormat(const Json& json) {
  if (!json.is_object()) return Corrupt("it is not a CBOR map");
  const std::optional<int64_t> format = ReadInteger(json, "format");
  if (!format.has_value()) return Corrupt("it has no format");
  if (*format > kFormat) {
    return absl::FailedPreconditionError(
        absl::StrCat("tombstone: format ", *format,
                     " is newer than this server's ", kFormat));
  }
  if (*format < kFormat) {
    return Corrupt(absl::StrCat("format ", *format, ", expected ", kFormat));
  }
  return absl::OkStatus();
}

}  // namespace

std::string EncodeTombstone(const Tombstone& tombstone) {
  const Digest& digest = tombstone.last.digest;
  const Json json = {
      {"format", kFormat},
      {"tenant", tombstone.key.tenant},
      {"session_id", tombstone.key.session_id},
      {"step", tombstone.last.step},
      {"digest", Json::binary({digest.begin(), digest.end()})},
      {"reason", static_cast<int>(tombstone.reason)},
      {"at_us", absl::ToUnixMicros(tombstone.at)},
  };
  std::string bytes;
  Json::to_cbor(json, bytes);
  return bytes;
}

absl::StatusOr<Tombstone> DecodeTombstone(absl::string_view bytes) {
  const Json json = ReadCbor(bytes);
  if (absl::Status status = CheckFormat(json); !status.ok()) return status;
  Tombstone tombstone;
  if (!ReadText(json, "tenant", &tombstone.key.tenant)) {
    return Corrupt("bad tenant");
  }
  if (!ReadText(json, "session_id", &tombstone.key.session_id)) {
    return Corrupt("bad session_id");
  }
  tombstone.last.session_id = tombstone.key.session_id;
  if (!ReadStep(json, &tombstone.last.step)) return Corrupt("bad step");
  if (!ReadDigest(json, &tombstone.last.digest)) return Corrupt("bad digest");
  if (!ReadReason(json, &tombstone.reason)) return Corrupt("bad reason");
  const std::optional<int64_t> at = ReadInteger(json, "at_us");
  if (!at.has_value()) return Corrupt("bad at_us");
  tombstone.at = absl::FromUnixMicros(*at);
  return tombstone;
}

absl::Status GoneError(const Tombstone& tombstone) {
  ErrorInfo info;
  info.reason = "SESSION_EXPIRED";
  info.metadata["last"] = tombstone.last.ToString();
  info.metadata["reason"] = std::string(EndReasonName(tombstone.reason));
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      absl::StrCat("the session is gone since ",
                   absl::FormatTime(absl::RFC3339_sec, tombstone.at,
                                    absl::UTCTimeZone()),
                   " (", info.metadata["reason"], "); it was at ",
                   info.metadata["last"]),
      info);
}

std::optional<SessionKey> Tombstones::Add(const Tombstone& tombstone) {
  MutexLock lock(&mu_);
  const auto [it, added] = entries_.try_emplace(tombstone.key);
  Entry& entry = it->second;
  if (!added) order_.erase(entry.place);
  entry.step = tombstone.last.step;
  entry.digest = tombstone.last.digest;
  entry.reason = tombstone.reason;
  entry.place = order_.emplace(tombstone.at, &it->first);
  if (static_cast<int64_t>(entries_.size()) <= limits_.count) {
    return std::nullopt;
  }
  return TakeOldest();
}

std::optional<Tombstone> Tombstones::Find(const SessionKey& key) const {
  MutexLock lock(&mu_);
  const auto it = entries_.find(key);
  if (it == entries_.end()) return std::nullopt;
  const Entry& entry = it->second;
  return Tombstone{key,
                   {key.session_id, entry.step, entry.digest},
                   entry.reason,
                   entry.place->first};
}

bool Tombstones::Erase(const SessionKey& key) {
  MutexLock lock(&mu_);
  const auto it = entries_.find(key);
  if (it == entries_.end()) return false;
  order_.erase(it->second.place);
  entries_.erase(it);
  return true;
}

std::vector<SessionKey> Tombstones::Prune(absl::Time now) {
  std::vector<SessionKey> pruned;
  while (true) {
    MutexLock lock(&mu_);
    if (order_.empty()) return pruned;
    if (now - order_.begin()->first < limits_.keep) return pruned;
    pruned.push_back(TakeOldest());
  }
}

int64_t Tombstones::size() const {
  MutexLock lock(&mu_);
  return static_cast<int64_t>(entries_.size());
}

SessionKey Tombstones::TakeOldest() {
  auto entry = entries_.extract(*order_.begin()->second);
  order_.erase(order_.begin());
  return std::move(entry.key());
}

}  // namespace mneme
