#include "model/checkpoint/safetensors.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "model/checkpoint/json_depth.h"
#include "nlohmann/json.hpp"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

constexpr uint64_t kLengthBytes = 8;
constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // as the reference reader
constexpr size_t kMaxDimensions = 16;
constexpr int64_t kMaxHeaderLevels = 8;  // three are used

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

bool LooksLikePickle(absl::string_view bytes) {
  return absl::StartsWith(bytes, absl::string_view("PK\x03\x04", 4)) ||
         (bytes.size() > 1 && bytes[0] == '\x80' && bytes[1] >= 1 &&
          bytes[1] <= 5 && (bytes.size() < 8 || bytes[7] != 0));
}

// Parses the header; a key that comes twice in one object makes it discarded,
// and `*twice` is that key.
Json ParseHeader(absl::string_view text, std::string* twice) {
  std::vector<std::set<std::string>> keys;
  const auto callback = [&](int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && twice->empty()) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!keys.back().insert(key).second) *twice = key;
    }
    return true;
  };
  return Json::parse(text.begin(), text.end(), callback,
                     /*allow_exceptions=*/false);
}

// One file being parsed: the place where its errors get their path.
class Parser {
 public:
  explicit Parser(const std::shared_ptr<const MappedFile>& file)
      : file_(file) {}

  absl::StatusOr<StoredTensors> Run();

 private:
  absl::Status Lie(absl::string_view problem) const {
    return absl::DataLossError(absl::StrCat(file_->path(), ": ", problem));
  }
  absl::Status Lie(absl::string_view name, absl::string_view problem) const {
    return Lie(absl::StrCat("tensor \"", name, "\" ", problem));
  }
  absl::StatusOr<Json> ReadHeader();
  absl::StatusOr<StoredTensor> ReadTensor(const std::string& name,
                                          const Json& entry);
  absl::StatusOr<uint64_t> SizeOfEntry(const std::string& name,
                                       const Json& entry,
                                       StoredTensor* tensor) const;
  absl::Status CheckCoverage(const StoredTensors& tensors) const;

  const std::shared_ptr<const MappedFile>& file_;
  absl::string_view data_;
};

absl::StatusOr<Json> Parser::ReadHeader() {
  const absl::string_view bytes = file_->bytes();
  if (LooksLikePickle(bytes)) {
    return absl::UnimplementedError(absl::StrCat(
        file_->path(),
        " is a pickle, which can run code when it is read; convert it: "
        "safetensors.torch.save_file(torch.load(path, weights_only=True), "
        "\"model.safetensors\")"));
  }
  if (bytes.size() < kLengthBytes) {
    return Lie(absl::StrCat("truncated: ", bytes.size(),
                            " bytes; expected at least 8"));
  }
  const uint64_t length = LittleEndian64(bytes);
  if (length > kMaxHeaderBytes || length > bytes.size() - kLengthBytes) {
    return Lie(absl::StrCat("the header claims ", length,
                            " bytes; the file has ",
                            bytes.size() - kLengthBytes, " after its length"));
  }
  data_ = bytes.substr(kLengthBytes + length);
  const absl::string_view text = bytes.substr(kLengthBytes, length);
  if (NestedDeeperThan(text, kMaxHeaderLevels)) {
    return Lie(absl::StrCat("the header is nested deeper than ",
                            kMaxHeaderLevels, " levels"));
  }
  std::string twice;
  Json header = ParseHeader(text, &twice);
  if (!twice.empty()) {
    return Lie(absl::StrCat("the header has the key \"", twice, "\" twice"));
  }
  if (header.is_discarded() || !header.is_object()) {
    return Lie("the header is not a JSON object");
  }
  return header;
}

absl::StatusOr<uint64_t> Parser::SizeOfEntry(const std::string& name,
                                             const Json& entry,
                                             StoredTensor* tensor) const {
  const Json& dtype = entry["dtype"];
  const Json& shape = entry["shape"];
  if (!dtype.is_string() || !shape.is_array() ||
      shape.size() > kMaxDimensions) {
    return Lie(name, "has no valid \"dtype\" and \"shape\"");
  }
  tensor->dtype_name = dtype.get<std::string>();
  uint64_t size = ElementBytes(tensor->dtype_name);
  if (size == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(file_->path(), ": tensor \"", name,
                     "\" has the unknown dtype ", dtype.dump()));
  }
  const auto known = ParseDType(tensor->dtype_name);
  if (known.ok()) tensor->dtype = *known;
  for (const Json& dimension : shape) {
    if (!dimension.is_number_unsigned() ||
        __builtin_mul_overflow(size, dimension.get<uint64_t>(), &size) ||
        dimension.get<uint64_t>() > INT64_MAX) {
      return Lie(name, absl::StrCat("has the impossible shape ", shape.dump()));
    }
    tensor->shape.push_back(dimension.get<int64_t>());
  }
  return size;
}

absl::StatusOr<StoredTensor> Parser::ReadTensor(const std::string& name,
                                                const Json& entry) {
  if (!entry.is_object() || !entry.contains("dtype") ||
      !entry.contains("shape") || !entry.contains("data_offsets")) {
    return Lie(name, "has no \"dtype\", \"shape\" and \"data_offsets\"");
  }
  StoredTensor tensor;
  tensor.key = name;
  ASSIGN_OR_RETURN(const uint64_t size, SizeOfEntry(name, entry, &tensor));
  const Json& offsets = entry["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2 ||
      !offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned()) {
    return Lie(name, "has no valid \"data_offsets\"");
  }
  const auto begin = offsets[0].get<uint64_t>();
  const auto end = offsets[1].get<uint64_t>();
  if (begin > end || end > data_.size()) {
    return Lie(name,
               absl::StrCat("claims the bytes ", begin, " to ", end,
                            "; the file has ", data_.size(), " bytes of data"));
  }
  if (end - begin != size) {
    return Lie(name, absl::StrCat("has ", end - begin, " bytes; its shape ",
                                  entry["shape"].dump(), " of ",
                                  tensor.dtype_name, " needs ", size));
  }
  tensor.data = data_.substr(begin, size);
  tensor.file = file_;
  return tensor;
}

absl::Status Parser::CheckCoverage(const StoredTensors& tensors) const {
  std::vector<std::pair<absl::string_view, absl::string_view>> in_order;
  for (const auto& [name, tensor] : tensors) {
    in_order.emplace_back(tensor.data, name);
  }
  std::sort(in_order.begin(), in_order.end(), [](const auto& a, const auto& b) {
    return std::make_pair(a.first.data(), a.first.size()) <
           std::make_pair(b.first.data(), b.first.size());
  });
  const char* end = data_.data();
  for (const auto& [data, name] : in_order) {
    if (data.data() < end) return Lie(name, "overlaps the one before it");
    if (data.data() > end) return Lie(name, "has a gap before it");
    end = data.data() + data.size();
  }
  if (end != data_.data() + data_.size()) {
    return Lie(absl::StrCat(data_.data() + data_.size() - end,
                            " bytes at the end belong to no tensor"));
  }
  return absl::OkStatus();
}

absl::StatusOr<StoredTensors> Parser::Run() {
  ASSIGN_OR_RETURN(const Json header, ReadHeader());
  StoredTensors tensors;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    ASSIGN_OR_RETURN(tensors[name], ReadTensor(name, entry));
  }
  RETURN_IF_ERROR(CheckCoverage(tensors));
  return tensors;
}

}  // namespace

std::string StoredTensor::Describe() const {
  return absl::StrCat("tensor \"", key, "\" in ", file->path());
}

absl::StatusOr<StoredTensors> ParseSafetensors(
    const std::shared_ptr<const MappedFile>& file) {
  return Parser(file).Run();
}

absl::StatusOr<StoredTensors> ReadSafetensors(const std::string& path) {
  ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  return ParseSafetensors(file);
}

}  // namespace mneme
