#include "model/checkpoint/safetensors.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "model/checkpoint/safetensors_header.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

bool LooksLikePickle(absl::string_view bytes) {
  return absl::StartsWith(bytes, absl::string_view("PK\x03\x04", 4)) ||
         (bytes.size() > 1 && bytes[0] == '\x80' && bytes[1] >= 1 &&
          bytes[1] <= 5 && (bytes.size() < 8 || bytes[7] != 0));
}

}  // namespace

std::string StoredTensor::Describe() const {
  return absl::StrCat("tensor \"", key, "\" in ", file->path());
}

absl::StatusOr<StoredTensors> ParseSafetensors(
    const std::shared_ptr<const MappedFile>& file) {
  if (LooksLikePickle(file->bytes())) {
    return absl::UnimplementedError(absl::StrCat(
        file->path(),
        " is a pickle, which can run code when it is read; convert it: "
        "safetensors.torch.save_file(torch.load(path, weights_only=True), "
        "\"model.safetensors\")"));
  }
  ASSIGN_OR_RETURN(SafetensorsHeader header,
                   ParseSafetensorsHeader(file->bytes(), {file->path()}));
  const absl::string_view data = file->bytes().substr(header.data_begin);
  StoredTensors tensors;
  for (SafetensorsEntry& entry : header.tensors) {
    StoredTensor& tensor = tensors[entry.name];
    tensor.key = entry.name;
    tensor.dtype_name = std::move(entry.dtype_name);
    tensor.dtype = entry.dtype;
    tensor.shape = std::move(entry.shape);
    tensor.data = data.substr(entry.begin, entry.end - entry.begin);
    tensor.file = file;
  }
  return tensors;
}

absl::StatusOr<StoredTensors> ReadSafetensors(const std::string& path) {
  ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  return ParseSafetensors(file);
}

}  // namespace mneme
