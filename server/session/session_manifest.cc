#include "server/session/session_manifest.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/base/quoted.h"
#include "server/base/status_macros.h"
#include "server/session/session_id.h"

namespace mneme {
namespace {

constexpr uint64_t kFormat = 1;
constexpr char kTimeFormat[] = "%Y-%m-%d%ET%H:%M:%E*SZ";

absl::Status BadField(absl::string_view field, absl::string_view problem,
                      absl::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat(
      "session file: ", field, " ", problem, "; expected ", expected));
}

absl::StatusOr<std::string> ReadText(const ManifestFields& fields,
                                     absl::string_view field,
                                     absl::string_view expected) {
  const auto it = fields.find(std::string(field));
  if (it == fields.end()) return BadField(field, "is missing", expected);
  return it->second;
}

absl::Status Misspelled(absl::string_view field, absl::string_view text,
                        absl::string_view expected) {
  return BadField(field, absl::StrCat("is ", Quoted(text)), expected);
}

absl::StatusOr<uint64_t> ReadNumber(const ManifestFields& fields,
                                    absl::string_view field) {
  constexpr char kExpected[] = "a whole number";
  ASSIGN_OR_RETURN(const std::string text, ReadText(fields, field, kExpected));
  uint64_t number = 0;
  if (!absl::SimpleAtoi(text, &number) || absl::StrCat(number) != text) {
    return Misspelled(field, text, kExpected);
  }
  return number;
}

std::string PolicyName(MemoryPolicy policy) {
  return policy == MemoryPolicy::kReset ? "RESET" : "CARRY";
}

absl::StatusOr<MemoryPolicy> ReadPolicy(const ManifestFields& fields) {
  constexpr char kField[] = "memory_policy", kExpected[] = "CARRY or RESET";
  ASSIGN_OR_RETURN(const std::string text, ReadText(fields, kField, kExpected));
  for (const auto policy : {MemoryPolicy::kCarry, MemoryPolicy::kReset}) {
    if (text == PolicyName(policy)) return policy;
  }
  return Misspelled(kField, text, kExpected);
}

std::string TimeText(absl::Time time) {
  return absl::FormatTime(kTimeFormat, time, absl::UTCTimeZone());
}

absl::StatusOr<absl::Time> ReadTime(const ManifestFields& fields) {
  constexpr char kField[] = "exported";
  constexpr char kExpected[] = "a time such as 2024-05-06T07:08:09.5Z";
  ASSIGN_OR_RETURN(const std::string text, ReadText(fields, kField, kExpected));
  absl::Time time;
  const bool parsed = absl::ParseTime(kTimeFormat, text, &time, nullptr);
  const bool finite =
      time != absl::InfiniteFuture() && time != absl::InfinitePast();
  if (!parsed || !finite || TimeText(time) != text) {
    return Misspelled(kField, text, kExpected);
  }
  return time;
}

absl::StatusOr<MemoryHandle> ReadHandleFields(const ManifestFields& fields) {
  MemoryHandle handle;
  ASSIGN_OR_RETURN(handle.session_id,
                   ReadText(fields, "session_id", "a session's id"));
  RETURN_IF_ERROR(CheckSessionId(handle.session_id));
  ASSIGN_OR_RETURN(handle.step, ReadNumber(fields, "step"));
  ASSIGN_OR_RETURN(handle.digest, ReadHexField(fields, "digest"));
  return handle;
}

}  // namespace

std::string ToHex(const Digest& digest) {
  return absl::BytesToHexString(AsBytes(digest));
}

absl::StatusOr<Digest> ReadHexField(const ManifestFields& fields,
                                    absl::string_view field) {
  constexpr char kExpected[] = "64 hex digits in lower case";
  ASSIGN_OR_RETURN(const std::string text, ReadText(fields, field, kExpected));
  const auto is_digit = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  };
  Digest digest{};
  if (text.size() != 2 * digest.size() ||
      !std::all_of(text.begin(), text.end(), is_digit)) {
    return Misspelled(field, text, kExpected);
  }
  const std::string bytes = absl::HexStringToBytes(text);
  std::copy(bytes.begin(), bytes.end(), digest.begin());
  return digest;
}

ManifestFields ToFields(const SessionManifest& manifest) {
  return {{"mneme_format", absl::StrCat(kFormat)},
          {"session_id", manifest.handle.session_id},
          {"step", absl::StrCat(manifest.handle.step)},
          {"digest", ToHex(manifest.handle.digest)},
          {"model", manifest.model},
          {"fingerprint", ToHex(manifest.fingerprint)},
          {"numeric_mode", manifest.numeric_mode},
          {"memory_policy", PolicyName(manifest.policy)},
          {"exported", TimeText(manifest.exported)}};
}

absl::Status CheckManifestFormat(const ManifestFields& fields) {
  constexpr char kField[] = "mneme_format";
  const std::string expected = absl::StrCat(kFormat);
  if (fields.count(kField) == 0) {
    return BadField(kField, "is missing: no session file", expected);
  }
  ASSIGN_OR_RETURN(const uint64_t format, ReadNumber(fields, kField));
  if (format == kFormat) return absl::OkStatus();
  return BadField(
      kField,
      absl::StrCat("is ", format, format > kFormat ? ", a newer one" : ""),
      expected);
}

absl::StatusOr<SessionManifest> ReadFields(const ManifestFields& fields) {
  RETURN_IF_ERROR(CheckManifestFormat(fields));
  SessionManifest manifest;
  ASSIGN_OR_RETURN(manifest.handle, ReadHandleFields(fields));
  ASSIGN_OR_RETURN(manifest.model, ReadText(fields, "model", "a model's name"));
  ASSIGN_OR_RETURN(manifest.fingerprint, ReadHexField(fields, "fingerprint"));
  ASSIGN_OR_RETURN(manifest.numeric_mode,
                   ReadText(fields, "numeric_mode", "a precision"));
  ASSIGN_OR_RETURN(manifest.policy, ReadPolicy(fields));
  ASSIGN_OR_RETURN(manifest.exported, ReadTime(fields));
  return manifest;
}

}  // namespace mneme
