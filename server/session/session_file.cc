#include "server/session/session_file.h"

#include <bit>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "model/checkpoint/safetensors_header.h"
#include "server/base/quoted.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

static_assert(std::endian::native == std::endian::little,
              "numbers are hashed as they lie in memory");

constexpr char kWhere[] = "session file";
constexpr char kSha256[] = "sha256";
constexpr char kHmac[] = "hmac";
// Thousands of tensors; parsed, a header takes ten times its bytes.
constexpr uint64_t kMaxHeaderBytes = 1 << 20;
constexpr size_t kLengthBytes = 8;  // before the header

SafetensorsSource Source() { return {kWhere, kMaxHeaderBytes}; }

absl::Status Damaged(absl::string_view problem) {
  return absl::DataLossError(absl::StrCat(kWhere, ": ", problem));
}

void UpdateNumber(Sha256* hash, uint64_t number) {
  hash->Update({reinterpret_cast<const char*>(&number), sizeof number});
}

void UpdateText(Sha256* hash, absl::string_view text) {
  UpdateNumber(hash, text.size());
  hash->Update(text);
}

void UpdateTensor(Sha256* hash, const TensorSpec& tensor) {
  UpdateText(hash, tensor.name);
  UpdateText(hash, DTypeName(tensor.dtype));
  UpdateNumber(hash, tensor.shape.size());
  for (const int64_t dimension : tensor.shape) {
    UpdateNumber(hash, static_cast<uint64_t>(dimension));
  }
}

Digest Checksum(ManifestFields fields, absl::Span<const TensorSpec> memory,
                absl::string_view value) {
  fields.erase(kSha256);
  fields.erase(kHmac);
  Sha256 hash;
  hash.Update("mneme-session-file-1");
  UpdateNumber(&hash, fields.size());
  for (const auto& [name, text] : fields) {
    UpdateText(&hash, name);
    UpdateText(&hash, text);
  }
  UpdateNumber(&hash, memory.size());
  for (const TensorSpec& tensor : memory) UpdateTensor(&hash, tensor);
  return hash.Update(value).Finish();
}

Digest Hmac(absl::string_view export_key, const Digest& checksum) {
  return HmacSha256(export_key,
                    absl::StrCat("mneme-export-1", AsBytes(checksum)));
}

// Refuses what is no safetensors file, as soon as that can be seen: its header
// begins with a brace.
absl::Status CheckKind(absl::string_view bytes) {
  if (bytes.size() <= kLengthBytes || bytes[kLengthBytes] == '{') {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      kWhere, ": it begins with ", Quoted(bytes.substr(0, kLengthBytes + 1)),
      "; expected a safetensors file"));
}

// The checksum leaves out how the header is padded.
absl::Status CheckPadding(absl::string_view header) {
  const size_t last = header.find_last_not_of(' ');
  if (last != header.npos && header[last] == '}') return absl::OkStatus();
  return Damaged("its header is not padded with spaces");
}

absl::StatusOr<std::vector<TensorSpec>> ReadMemory(
    const SafetensorsHeader& header) {
  std::vector<TensorSpec> memory;
  for (const SafetensorsEntry& entry : header.tensors) {
    if (!entry.dtype.has_value()) {
      return absl::InvalidArgumentError(absl::StrCat(
          kWhere, ": tensor ", Quoted(entry.name), " has the dtype ",
          entry.dtype_name, "; expected F32, BF16, F16, I64, I32 or U8"));
    }
    memory.push_back({entry.name, *entry.dtype, entry.shape});
  }
  return memory;
}

bool IsAuthentic(const ManifestFields& fields, absl::string_view export_key,
                 const Digest& checksum) {
  if (export_key.empty()) return false;
  const auto hmac = ReadHexField(fields, kHmac);
  return hmac.ok() && SameInConstantTime(*hmac, Hmac(export_key, checksum));
}

// Whether what was made can be read back.
absl::Status CheckReadable(absl::string_view header, absl::string_view value) {
  const auto size = SessionFileBytes(header);
  if (!size.ok()) return absl::InvalidArgumentError(size.status().message());
  if (*size == header.size() + value.size()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(kWhere, ": the value has ", value.size(),
                   " bytes; expected the size of its tensors, ",
                   size->value_or(0) - header.size()));
}

}  // namespace

absl::StatusOr<std::string> EncodeSessionFileHeader(
    const SessionManifest& manifest, absl::string_view value,
    absl::string_view export_key) {
  ManifestFields fields = ToFields(manifest);
  RETURN_IF_ERROR(ReadFields(fields).status());
  const Digest checksum = Checksum(fields, manifest.memory, value);
  fields[kSha256] = ToHex(checksum);
  if (!export_key.empty()) fields[kHmac] = ToHex(Hmac(export_key, checksum));
  ASSIGN_OR_RETURN(std::string header,
                   MakeSafetensorsHeader(manifest.memory, fields));
  RETURN_IF_ERROR(CheckReadable(header, value));
  return header;
}

absl::StatusOr<ParsedSessionFile> ParseSessionFile(
    absl::string_view bytes, absl::string_view export_key) {
  RETURN_IF_ERROR(CheckKind(bytes));
  ASSIGN_OR_RETURN(const SafetensorsHeader header,
                   ParseSafetensorsHeader(bytes, Source()));
  RETURN_IF_ERROR(CheckPadding(bytes.substr(0, header.data_begin)));
  RETURN_IF_ERROR(CheckManifestFormat(header.metadata));
  ASSIGN_OR_RETURN(std::vector<TensorSpec> memory, ReadMemory(header));
  ASSIGN_OR_RETURN(const Digest claimed,
                   ReadHexField(header.metadata, kSha256));
  ParsedSessionFile file;
  file.value = bytes.substr(header.data_begin);
  const Digest checksum = Checksum(header.metadata, memory, file.value);
  if (checksum != claimed) return Damaged("its sha256 does not hold");
  ASSIGN_OR_RETURN(file.manifest, ReadFields(header.metadata));
  file.manifest.memory = std::move(memory);
  file.authentic = IsAuthentic(header.metadata, export_key, checksum);
  return file;
}

absl::StatusOr<std::optional<uint64_t>> SessionFileBytes(
    absl::string_view prefix) {
  RETURN_IF_ERROR(CheckKind(prefix));
  ASSIGN_OR_RETURN(const auto header, ParseSafetensorsPrefix(prefix, Source()));
  if (!header.has_value()) return std::nullopt;
  RETURN_IF_ERROR(CheckManifestFormat(header->metadata));
  return header->file_bytes;
}

}  // namespace mneme
