#include "model/train/train_checkpoint.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/base/sha256.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kFormat = 1;

std::string PieceName(int64_t piece) {
  return absl::StrFormat("data.%05d", piece);
}

absl::StatusOr<at::ScalarType> ParseType(const std::string& name) {
  for (const at::ScalarType type :
       {at::kFloat, at::kBFloat16, at::kLong, at::kDouble}) {
    if (name == c10::toString(type)) return type;
  }
  return absl::DataLossError(
      absl::StrCat("checkpoint: unknown dtype '", name, "'"));
}

std::string Hash(absl::string_view bytes) {
  return absl::BytesToHexString(AsBytes(Sha256().Update(bytes).Finish()));
}

absl::Status WriteFile(const fs::path& path, absl::string_view bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) {
    return absl::UnavailableError(absl::StrCat("cannot write ", path.string()));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadFile(const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  std::string bytes(error ? 0 : size, '\0');
  std::ifstream file(path, std::ios::binary);
  if (error ||
      !file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()))) {
    return absl::DataLossError(absl::StrCat(path.string(), ": cannot read"));
  }
  return bytes;
}

// The tensors' bytes behind each other; their places go into `index`.
std::string Pack(const TrainCheckpoint& checkpoint, json* index) {
  std::string bytes;
  (*index)["tensors"] = json::array();
  for (const auto& [name, tensor] : checkpoint.tensors) {
    const at::Tensor host = tensor.detach().cpu().contiguous();
    (*index)["tensors"].push_back({{"name", name},
                                   {"dtype", c10::toString(host.scalar_type())},
                                   {"shape", host.sizes().vec()},
                                   {"offset", bytes.size()}});
    bytes.append(static_cast<const char*>(host.const_data_ptr()),
                 host.nbytes());
  }
  return bytes;
}

absl::Status WritePieces(const fs::path& folder, const std::string& bytes,
                         int64_t piece_bytes, json* index) {
  const size_t most = piece_bytes > 0 ? static_cast<size_t>(piece_bytes)
                                      : std::max<size_t>(1, bytes.size());
  int64_t pieces = 0;
  for (size_t begin = 0; begin < bytes.size(); begin += most) {
    RETURN_IF_ERROR(WriteFile(folder / PieceName(pieces++),
                              absl::string_view(bytes).substr(begin, most)));
  }
  (*index)["pieces"] = pieces;
  (*index)["bytes"] = bytes.size();
  (*index)["sha256"] = Hash(bytes);
  return WriteFile(folder / "index.json", index->dump(1));
}

absl::Status Swap(const fs::path& fresh, const fs::path& folder) {
  const fs::path old = folder.string() + ".old";
  std::error_code error;
  fs::remove_all(old, error);
  if (fs::exists(folder)) fs::rename(folder, old, error);
  if (!error) fs::rename(fresh, folder, error);
  if (error) {
    return absl::UnavailableError(
        absl::StrCat("cannot rename ", fresh.string(), ": ", error.message()));
  }
  fs::remove_all(old, error);
  return absl::OkStatus();
}

absl::StatusOr<at::Tensor> Unpack(const json& entry, const std::string& bytes) {
  ASSIGN_OR_RETURN(const at::ScalarType type,
                   ParseType(entry.value("dtype", "")));
  const auto shape = entry.value("shape", std::vector<int64_t>());
  at::Tensor tensor = at::empty(shape, type);
  const auto offset = entry.value("offset", uint64_t{0});
  if (offset > bytes.size() || tensor.nbytes() > bytes.size() - offset) {
    return absl::DataLossError(absl::StrCat("checkpoint: tensor '",
                                            entry.value("name", ""),
                                            "' lies outside the data"));
  }
  if (tensor.nbytes() > 0) {
    std::memcpy(tensor.mutable_data_ptr(), bytes.data() + offset,
                tensor.nbytes());
  }
  return tensor;
}

absl::StatusOr<json> ReadIndex(const fs::path& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  json index = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!index.is_object() || index.value("format", 0) != kFormat ||
      !index.contains("tensors") || !index.contains("state")) {
    return absl::DataLossError(
        absl::StrCat(path.string(), ": not an index of format ", kFormat));
  }
  return index;
}

}  // namespace

absl::Status SaveCheckpoint(const std::string& folder,
                            const TrainCheckpoint& checkpoint,
                            int64_t piece_bytes) {
  const fs::path fresh = folder + ".new";
  std::error_code error;
  fs::remove_all(fresh, error);
  fs::create_directories(fresh, error);
  json index = {{"format", kFormat}, {"state", checkpoint.state}};
  const std::string bytes = Pack(checkpoint, &index);
  RETURN_IF_ERROR(WritePieces(fresh, bytes, piece_bytes, &index));
  return Swap(fresh, folder);
}

absl::StatusOr<TrainCheckpoint> LoadCheckpoint(const std::string& path) {
  fs::path folder = path;
  if (!fs::exists(folder / "index.json")) folder = path + ".old";
  if (!fs::exists(folder / "index.json")) {
    return absl::NotFoundError(absl::StrCat("no checkpoint in ", path));
  }
  ASSIGN_OR_RETURN(const json index, ReadIndex(folder / "index.json"));
  std::string bytes;
  for (int64_t i = 0; i < index.value("pieces", int64_t{0}); ++i) {
    ASSIGN_OR_RETURN(const std::string piece, ReadFile(folder / PieceName(i)));
    bytes += piece;
  }
  if (bytes.size() != index.value("bytes", uint64_t{0}) ||
      Hash(bytes) != index.value("sha256", "")) {
    return absl::DataLossError(absl::StrCat(
        folder.string(), ": the data's sha256 is not the index's"));
  }
  TrainCheckpoint checkpoint;
  checkpoint.state = index["state"];
  for (const json& entry : index["tensors"]) {
    ASSIGN_OR_RETURN(checkpoint.tensors[entry.value("name", "")],
                     Unpack(entry, bytes));
  }
  return checkpoint;
}

}  // namespace mneme
