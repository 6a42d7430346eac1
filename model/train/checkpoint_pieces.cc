#include "model/train/checkpoint_pieces.h"

#include <ATen/ops/cat.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "model/checkpoint/safetensors.h"
#include "model/checkpoint/torch_tensor.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

// Room in each file for the names and shapes of its tensors.
constexpr int64_t kHeaderBytes = 8192;

std::string PieceName(size_t piece, size_t pieces) {
  return absl::StrFormat("tensors-%05d-of-%05d.safetensors", piece + 1, pieces);
}

// As few parts of at most `most` bytes as whole rows allow.
std::vector<HostTensor> Cut(const std::string& name, const at::Tensor& tensor,
                            int64_t most) {
  const int64_t rows = tensor.dim() == 0 ? 1 : tensor.size(0);
  const int64_t row_bytes = std::max<int64_t>(
      1, static_cast<int64_t>(tensor.nbytes()) / std::max<int64_t>(1, rows));
  const int64_t step = std::max<int64_t>(1, most / row_bytes);
  if (rows <= step) return {ToHost(name, tensor)};
  std::vector<HostTensor> parts;
  for (int64_t begin = 0; begin < rows; begin += step) {
    parts.push_back(
        ToHost(name, tensor.narrow(0, begin, std::min(step, rows - begin))));
  }
  return parts;
}

// Fills one file after the other. Two parts of one tensor never meet in a file:
// all but its last are as large as a file holds.
std::vector<std::vector<HostTensor>> Share(
    const std::map<std::string, at::Tensor>& tensors, int64_t most) {
  std::vector<std::vector<HostTensor>> pieces(1);
  int64_t left = most;
  for (const auto& [name, tensor] : tensors) {
    for (HostTensor& part : Cut(name, tensor, most)) {
      const auto size = static_cast<int64_t>(part.data.size());
      if (size > left && !pieces.back().empty()) {
        pieces.emplace_back();
        left = most;
      }
      left -= size;
      pieces.back().push_back(std::move(part));
    }
  }
  return pieces;
}

using Parts = std::map<std::string, std::vector<at::Tensor>>;

absl::Status AddPart(const StoredTensor& stored, Parts* parts) {
  if (!stored.dtype.has_value()) {
    return absl::DataLossError(absl::StrCat(
        stored.Describe(), " has the unknown dtype ", stored.dtype_name));
  }
  std::vector<at::Tensor>& before = (*parts)[stored.key];
  at::Tensor part = FromBytes(*stored.dtype, stored.shape, stored.data);
  if (!before.empty()) {
    const at::Tensor& first = before.front();
    if (part.dim() == 0 || part.dim() != first.dim() ||
        part.scalar_type() != first.scalar_type() ||
        part.sizes().slice(1) != first.sizes().slice(1)) {
      return absl::DataLossError(absl::StrCat(
          stored.Describe(), " does not go on with the file before"));
    }
  }
  before.push_back(std::move(part));
  return absl::OkStatus();
}

absl::Status ReadPiece(const std::string& path, Parts* parts) {
  const auto stored = ReadSafetensors(path);
  if (!stored.ok()) return absl::DataLossError(stored.status().message());
  for (const auto& [name, tensor] : *stored) {
    RETURN_IF_ERROR(AddPart(tensor, parts));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> WritePieces(
    const std::string& folder, const std::map<std::string, at::Tensor>& tensors,
    int64_t piece_bytes) {
  const int64_t most = piece_bytes > 0
                           ? std::max<int64_t>(1, piece_bytes - kHeaderBytes)
                           : std::numeric_limits<int64_t>::max();
  const auto pieces = Share(tensors, most);
  std::vector<std::string> names;
  for (size_t i = 0; i < pieces.size(); ++i) {
    names.push_back(PieceName(i, pieces.size()));
    RETURN_IF_ERROR(
        WriteSafetensors(absl::StrCat(folder, "/", names.back()), pieces[i]));
  }
  return names;
}

absl::StatusOr<std::map<std::string, at::Tensor>> ReadPieces(
    const std::string& folder, const std::vector<std::string>& names) {
  if (names.empty()) {
    return absl::DataLossError(absl::StrCat(folder, ": no file of tensors"));
  }
  Parts parts;
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] != PieceName(i, names.size())) {
      return absl::DataLossError(
          absl::StrCat(folder, "/", names[i], ": expected ",
                       PieceName(i, names.size()), " in its place"));
    }
    RETURN_IF_ERROR(ReadPiece(absl::StrCat(folder, "/", names[i]), &parts));
  }
  std::map<std::string, at::Tensor> tensors;
  for (auto& [name, list] : parts) {
    tensors[name] = list.size() == 1 ? list[0] : at::cat(list);
  }
  return tensors;
}

}  // namespace mneme
