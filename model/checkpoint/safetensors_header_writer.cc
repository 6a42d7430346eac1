#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "model/checkpoint/safetensors_header.h"
#include "nlohmann/json.hpp"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

using Json = nlohmann::json;

constexpr size_t kAlignment = 8;  // of the data's first byte

// A text in JSON's quotes. INVALID_ARGUMENT when it is not UTF-8, which JSON
// cannot hold.
absl::StatusOr<std::string> QuotedText(const std::string& text) {
  std::string json =
      Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
  const Json back = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (back != Json(text)) {
    return absl::InvalidArgumentError(
        absl::StrCat(json, " is not UTF-8 as it was given"));
  }
  return json;
}

absl::StatusOr<std::string> MetadataJson(
    const std::map<std::string, std::string>& metadata) {
  std::vector<std::string> members;
  for (const auto& [key, value] : metadata) {
    ASSIGN_OR_RETURN(const std::string quoted_key, QuotedText(key));
    const auto quoted = QuotedText(value);
    if (!quoted.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "metadata ", quoted_key, ": ", quoted.status().message()));
    }
    members.push_back(absl::StrCat(quoted_key, ":", *quoted));
  }
  return absl::StrCat("{", absl::StrJoin(members, ","), "}");
}

// The tensor's bytes from *begin to *end. INVALID_ARGUMENT for a negative
// dimension, or more than 2^63 bytes up to here.
absl::Status Place(const TensorSpec& tensor, int64_t begin, int64_t* end) {
  int64_t size = SizeOf(tensor.dtype);
  bool possible = true;
  for (const int64_t dimension : tensor.shape) {
    possible = possible && dimension >= 0 &&
               !__builtin_mul_overflow(size, dimension, &size);
  }
  if (!possible || __builtin_add_overflow(begin, size, end)) {
    return absl::InvalidArgumentError(
        absl::StrCat("tensor \"", tensor.name, "\" has the impossible shape [",
                     absl::StrJoin(tensor.shape, ","), "]"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> TensorJson(const TensorSpec& tensor, int64_t begin,
                                       int64_t end) {
  ASSIGN_OR_RETURN(const std::string name, QuotedText(tensor.name));
  return absl::StrCat(name, ":{\"dtype\":\"", DTypeName(tensor.dtype),
                      "\",\"shape\":[", absl::StrJoin(tensor.shape, ","),
                      "],\"data_offsets\":[", begin, ",", end, "]}");
}

std::string WithLength(std::string text) {
  text.append((kAlignment - text.size() % kAlignment) % kAlignment, ' ');
  std::string length(8, '\0');
  for (size_t i = 0; i < length.size(); ++i) {
    length[i] = static_cast<char>((text.size() >> (8 * i)) & 0xff);
  }
  return length + text;
}

}  // namespace

absl::StatusOr<std::string> MakeSafetensorsHeader(
    absl::Span<const TensorSpec> tensors,
    const std::map<std::string, std::string>& metadata) {
  std::set<std::string> names = {"__metadata__"};
  std::vector<std::string> members;
  if (!metadata.empty()) {
    ASSIGN_OR_RETURN(const std::string json, MetadataJson(metadata));
    members.push_back(absl::StrCat("\"__metadata__\":", json));
  }
  int64_t begin = 0;
  for (const TensorSpec& tensor : tensors) {
    if (!names.insert(tensor.name).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor \"", tensor.name,
                       "\" comes twice, or has a name that is not free"));
    }
    int64_t end = 0;
    RETURN_IF_ERROR(Place(tensor, begin, &end));
    ASSIGN_OR_RETURN(std::string json, TensorJson(tensor, begin, end));
    members.push_back(std::move(json));
    begin = end;
  }
  return WithLength(absl::StrCat("{", absl::StrJoin(members, ","), "}"));
}

}  // namespace mneme
