#include "client/cli/exported_file.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/input_file.h"
#include "client/cli/text_table.h"
#include "model/checkpoint/safetensors_header.h"
#include "model/tensor.h"
#include "server/base/status_macros.h"
#include "server/session/session_file.h"

namespace mneme::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kPieceBytes = 4 << 20;
static_assert(kPieceBytes >= kMaxSessionFileHeader);

absl::Status Named(const std::string& path, const absl::Status& error) {
  return error.ok() ? error
                    : absl::Status(error.code(),
                                   absl::StrCat(path, ": ", error.message()));
}

// A whole file, unless its beginning is not that of an exported one.
absl::StatusOr<std::string> ReadWhole(const std::string& path) {
  ASSIGN_OR_RETURN(InputFile file, InputFile::Open(path));
  ASSIGN_OR_RETURN(std::string bytes, file.Read(kPieceBytes));
  const absl::Status kind = SessionFileBytes(bytes).status();
  if (absl::IsInvalidArgument(kind)) return Named(path, kind);
  for (std::string piece = bytes; !piece.empty(); bytes += piece) {
    ASSIGN_OR_RETURN(piece, file.Read(kPieceBytes));
  }
  return bytes;
}

absl::StatusOr<ExportedFile> Parse(const std::string& bytes) {
  ExportedFile file;
  file.bytes = bytes.size();
  file.holds = ParseSessionFile(bytes, "").status();
  if (!file.holds.ok() && !absl::IsDataLoss(file.holds)) return file.holds;
  const auto header = ParseSafetensorsHeader(bytes, {"session file"});
  if (!header.ok()) return file.holds;
  const auto manifest = ReadFields(header->metadata);
  if (!manifest.ok()) return file.holds;
  file.manifest = *manifest;
  file.is_signed = header->metadata.count("hmac") > 0;
  for (const SafetensorsEntry& tensor : header->tensors) {
    file.manifest.memory.push_back(
        {tensor.name, tensor.dtype.value_or(DType::kUint8), tensor.shape});
  }
  return file;
}

uint64_t BytesOf(const TensorSpec& tensor) {
  return static_cast<uint64_t>(NumElements(tensor.shape) *
                               SizeOf(tensor.dtype));
}

std::string PolicyText(MemoryPolicy policy) {
  return policy == MemoryPolicy::kReset ? "reset" : "carry";
}

// Text that anyone may have written, for a terminal.
std::string Shown(const std::string& text) {
  return absl::Utf8SafeCEscape(text);
}

std::string Facts(const ExportedFile& file) {
  const SessionManifest& manifest = file.manifest;
  TextTable facts({}, /*right_aligned=*/false);
  facts.AddRow({"file", file.path});
  facts.AddRow({"handle", manifest.handle.ToString()});
  facts.AddRow({"model", Shown(manifest.model)});
  facts.AddRow({"fingerprint", ToHex(manifest.fingerprint)});
  facts.AddRow({"numeric mode", Shown(manifest.numeric_mode)});
  facts.AddRow({"memory policy", PolicyText(manifest.policy)});
  facts.AddRow({"exported", HumanTime(manifest.exported)});
  facts.AddRow({"size", HumanBytes(file.bytes)});
  facts.AddRow({"signed", file.is_signed ? "yes, not checked here" : "no"});
  facts.AddRow({"checksum", file.holds.ok() ? "holds" : "DOES NOT HOLD"});
  return facts.Format();
}

}  // namespace

absl::StatusOr<ExportedFile> ReadExportedFile(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadWhole(path));
  absl::StatusOr<ExportedFile> file = Parse(bytes);
  if (!file.ok()) return Named(path, file.status());
  file->path = path;
  file->holds = Named(path, file->holds);
  return file;
}

std::string DescribeFile(const ExportedFile& file) {
  TextTable tensors({"TENSOR", "TYPE", "SHAPE", "SIZE"},
                    /*right_aligned=*/false);
  for (const TensorSpec& tensor : file.manifest.memory) {
    tensors.AddRow({Shown(tensor.name), std::string(DTypeName(tensor.dtype)),
                    absl::StrCat("[", absl::StrJoin(tensor.shape, ", "), "]"),
                    HumanBytes(BytesOf(tensor))});
  }
  return absl::StrCat(Facts(file), "\n", tensors.Format());
}

std::string FileJson(const ExportedFile& file) {
  const SessionManifest& manifest = file.manifest;
  Json json;
  json["file"] = file.path;
  json["handle"] = manifest.handle.ToString();
  json["model"] = manifest.model;
  json["fingerprint"] = ToHex(manifest.fingerprint);
  json["numeric_mode"] = manifest.numeric_mode;
  json["memory_policy"] = PolicyText(manifest.policy);
  json["exported"] = absl::FormatTime(manifest.exported, absl::UTCTimeZone());
  json["bytes"] = file.bytes;
  json["signed"] = file.is_signed;
  json["checksum_holds"] = file.holds.ok();
  json["tensors"] = Json::array();
  for (const TensorSpec& tensor : manifest.memory) {
    Json entry;
    entry["name"] = tensor.name;
    entry["dtype"] = std::string(DTypeName(tensor.dtype));
    entry["shape"] = tensor.shape;
    entry["bytes"] = BytesOf(tensor);
    json["tensors"].push_back(std::move(entry));
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace mneme::cli
