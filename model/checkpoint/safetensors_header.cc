#include "model/checkpoint/safetensors_header.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "model/checkpoint/json_depth.h"
#include "nlohmann/json.hpp"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

constexpr uint64_t kLengthBytes = 8;
constexpr size_t kMaxDimensions = 16;
constexpr int64_t kMaxHeaderLevels = 8;  // three are used
constexpr char kMetadata[] = "__metadata__";

using Json = nlohmann::json;

// Bytes of one element of each dtype that the format knows; 0: unknown.
uint64_t ElementBytes(absl::string_view dtype) {
  static const auto* const sizes = new std::map<absl::string_view, uint64_t>{
      {"F64", 8}, {"I64", 8}, {"U64", 8},  {"F32", 4},     {"I32", 4},
      {"U32", 4}, {"F16", 2}, {"BF16", 2}, {"I16", 2},     {"U16", 2},
      {"I8", 1},  {"U8", 1},  {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1}};
  const auto it = sizes->find(dtype);
  return it == sizes->end() ? 0 : it->second;
}

uint64_t LittleEndian64(absl::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = 8; i > 0; --i) {
    value = value << 8 | static_cast<uint8_t>(bytes[i - 1]);
  }
  return value;
}

// What an error quotes of a header: so short that it can be sent.
std::string Shown(absl::string_view text) {
  constexpr size_t kMaxShown = 200;
  if (text.size() <= kMaxShown) return std::string(text);
  return absl::StrCat(text.substr(0, kMaxShown), "...");
}

// A header's text as JSON. `*keys` are those of its outermost object, as they
// come; `*twice` is a key that comes twice in one object, if any.
Json ParseText(absl::string_view text, std::vector<std::string>* keys,
               std::string* twice) {
  std::vector<std::set<std::string>> open;  // the keys of each open object
  const auto callback = [&](int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) open.emplace_back();
    if (event == Json::parse_event_t::object_end) open.pop_back();
    if (event == Json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!open.back().insert(key).second) *twice = key;
      if (open.size() == 1) keys->push_back(key);
    }
    return true;
  };
  return Json::parse(text.begin(), text.end(), callback,
                     /*allow_exceptions=*/false);
}

// One file being parsed: the place where its errors get their path.
class Parser {
 public:
  // The file has, or is believed to have, `data_bytes` after its header.
  Parser(absl::string_view where, uint64_t data_bytes)
      : where_(where), data_bytes_(data_bytes) {}

  absl::StatusOr<SafetensorsHeader> Run(absl::string_view text) const;

 private:
  absl::Status Lie(absl::string_view problem) const {
    return absl::DataLossError(absl::StrCat(where_, ": ", problem));
  }
  absl::Status Lie(absl::string_view name, absl::string_view problem) const {
    return Lie(absl::StrCat("tensor \"", Shown(name), "\" ", problem));
  }
  absl::StatusOr<Json> ReadText(absl::string_view text,
                                std::vector<std::string>* keys) const;
  absl::Status ReadMetadata(const Json& entry,
                            std::map<std::string, std::string>* metadata) const;
  absl::StatusOr<SafetensorsEntry> ReadTensor(const std::string& name,
                                              const Json& json) const;
  absl::StatusOr<uint64_t> ReadSize(const Json& json,
                                    SafetensorsEntry* tensor) const;
  absl::Status OrderTensors(std::vector<SafetensorsEntry>* tensors) const;

  const absl::string_view where_;
  const uint64_t data_bytes_;
};

absl::StatusOr<Json> Parser::ReadText(absl::string_view text,
                                      std::vector<std::string>* keys) const {
  if (NestedDeeperThan(text, kMaxHeaderLevels)) {
    return Lie(absl::StrCat("the header is nested deeper than ",
                            kMaxHeaderLevels, " levels"));
  }
  std::string twice;
  Json header = ParseText(text, keys, &twice);
  if (!twice.empty()) {
    return Lie(
        absl::StrCat("the header has the key \"", Shown(twice), "\" twice"));
  }
  if (header.is_discarded() || !header.is_object()) {
    return Lie("the header is not a JSON object");
  }
  return header;
}

absl::Status Parser::ReadMetadata(
    const Json& entry, std::map<std::string, std::string>* metadata) const {
  const bool strings =
      entry.is_object() &&
      std::all_of(entry.begin(), entry.end(),
                  [](const Json& value) { return value.is_string(); });
  if (!strings) return Lie("\"__metadata__\" is not an object of strings");
  entry.get_to(*metadata);
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> Parser::ReadSize(const Json& json,
                                          SafetensorsEntry* tensor) const {
  const Json& dtype = json["dtype"];
  const Json& shape = json["shape"];
  if (!dtype.is_string() || !shape.is_array() ||
      shape.size() > kMaxDimensions) {
    return Lie(tensor->name, "has no valid \"dtype\" and \"shape\"");
  }
  tensor->dtype_name = dtype.get<std::string>();
  uint64_t size = ElementBytes(tensor->dtype_name);
  if (size == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(where_, ": tensor \"", Shown(tensor->name),
                     "\" has the unknown dtype ", Shown(dtype.dump())));
  }
  const auto known = ParseDType(tensor->dtype_name);
  if (known.ok()) tensor->dtype = *known;
  for (const Json& dimension : shape) {
    if (!dimension.is_number_unsigned() ||
        __builtin_mul_overflow(size, dimension.get<uint64_t>(), &size) ||
        dimension.get<uint64_t>() > INT64_MAX) {
      return Lie(tensor->name, absl::StrCat("has the impossible shape ",
                                            Shown(shape.dump())));
    }
    tensor->shape.push_back(dimension.get<int64_t>());
  }
  return size;
}

absl::StatusOr<SafetensorsEntry> Parser::ReadTensor(const std::string& name,
                                                    const Json& json) const {
  if (!json.is_object() || !json.contains("dtype") || !json.contains("shape") ||
      !json.contains("data_offsets")) {
    return Lie(name, "has no \"dtype\", \"shape\" and \"data_offsets\"");
  }
  SafetensorsEntry tensor;
  tensor.name = name;
  ASSIGN_OR_RETURN(const uint64_t size, ReadSize(json, &tensor));
  const Json& offsets = json["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2 ||
      !offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned()) {
    return Lie(name, "has no valid \"data_offsets\"");
  }
  tensor.begin = offsets[0].get<uint64_t>();
  tensor.end = offsets[1].get<uint64_t>();
  if (tensor.begin > tensor.end || tensor.end > data_bytes_) {
    return Lie(name, absl::StrCat("claims the bytes ", tensor.begin, " to ",
                                  tensor.end, "; the file has ", data_bytes_,
                                  " bytes of data"));
  }
  if (tensor.end - tensor.begin != size) {
    return Lie(name, absl::StrCat("has ", tensor.end - tensor.begin,
                                  " bytes; its shape ", json["shape"].dump(),
                                  " of ", tensor.dtype_name, " needs ", size));
  }
  return tensor;
}

absl::Status Parser::OrderTensors(
    std::vector<SafetensorsEntry>* tensors) const {
  std::stable_sort(
      tensors->begin(), tensors->end(), [](const auto& a, const auto& b) {
        return std::make_pair(a.begin, a.end) < std::make_pair(b.begin, b.end);
      });
  uint64_t end = 0;
  for (const SafetensorsEntry& tensor : *tensors) {
    if (tensor.begin < end)
      return Lie(tensor.name, "overlaps the one before it");
    if (tensor.begin > end) return Lie(tensor.name, "has a gap before it");
    end = tensor.end;
  }
  return absl::OkStatus();
}

absl::StatusOr<SafetensorsHeader> Parser::Run(absl::string_view text) const {
  std::vector<std::string> keys;
  ASSIGN_OR_RETURN(const Json json, ReadText(text, &keys));
  SafetensorsHeader header;
  for (const std::string& name : keys) {
    const Json& entry = json[name];
    if (name == kMetadata) {
      RETURN_IF_ERROR(ReadMetadata(entry, &header.metadata));
    } else {
      ASSIGN_OR_RETURN(SafetensorsEntry tensor, ReadTensor(name, entry));
      header.tensors.push_back(std::move(tensor));
    }
  }
  RETURN_IF_ERROR(OrderTensors(&header.tensors));
  header.data_begin = kLengthBytes + text.size();
  const uint64_t data = header.tensors.empty() ? 0 : header.tensors.back().end;
  header.file_bytes = header.data_begin + data;
  return header;
}

// The header's length, which `bytes` begin with. REQUIRES: there are 8.
absl::StatusOr<uint64_t> ReadLength(absl::string_view bytes,
                                    const SafetensorsSource& source) {
  const uint64_t length = LittleEndian64(bytes);
  if (length > source.max_header_bytes) {
    return absl::DataLossError(
        absl::StrCat(source.where, ": the header claims ", length,
                     " bytes; at most ", source.max_header_bytes, " are read"));
  }
  return length;
}

}  // namespace

absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(
    absl::string_view file, const SafetensorsSource& source) {
  const auto lie = [&](auto... problem) {
    return absl::DataLossError(absl::StrCat(source.where, ": ", problem...));
  };
  if (file.size() < kLengthBytes) {
    return lie("truncated: ", file.size(), " bytes; expected at least 8");
  }
  ASSIGN_OR_RETURN(const uint64_t length, ReadLength(file, source));
  const uint64_t left = file.size() - kLengthBytes;
  if (length > left) {
    return lie("the header claims ", length, " bytes; the file has ", left,
               " after its length");
  }
  const Parser parser(source.where, left - length);
  ASSIGN_OR_RETURN(SafetensorsHeader header,
                   parser.Run(file.substr(kLengthBytes, length)));
  if (header.file_bytes != file.size()) {
    return lie(file.size() - header.file_bytes,
               " bytes at the end belong to no tensor");
  }
  return header;
}

absl::StatusOr<std::optional<SafetensorsHeader>> ParseSafetensorsPrefix(
    absl::string_view prefix, const SafetensorsSource& source) {
  if (prefix.size() < kLengthBytes) return std::nullopt;
  ASSIGN_OR_RETURN(const uint64_t length, ReadLength(prefix, source));
  if (length > prefix.size() - kLengthBytes) return std::nullopt;
  const Parser parser(source.where,
                      uint64_t{INT64_MAX} - kLengthBytes - length);
  ASSIGN_OR_RETURN(SafetensorsHeader header,
                   parser.Run(prefix.substr(kLengthBytes, length)));
  return header;
}

}  // namespace mneme
