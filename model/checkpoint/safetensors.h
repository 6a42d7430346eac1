#ifndef MNEME_MODEL_CHECKPOINT_SAFETENSORS_H_
#define MNEME_MODEL_CHECKPOINT_SAFETENSORS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/checkpoint/mapped_file.h"
#include "model/tensor.h"

namespace mneme {

// A tensor inside a mapped safetensors file: no bytes of its own. A value; its
// bytes may be read on any thread.
struct StoredTensor {
  std::string key;             // its name in the file
  std::string dtype_name;      // as the file spells it
  std::optional<DType> dtype;  // nullopt: one that we cannot compute with
  std::vector<int64_t> shape;
  absl::string_view data;
  std::shared_ptr<const MappedFile> file;  // keeps `data` alive

  // "tensor "x" in /path/model.safetensors", for errors.
  std::string Describe() const;
};

// Names to tensors, sorted by name.
using StoredTensors = std::map<std::string, StoredTensor>;

// Reads a safetensors file. Everything its header claims is checked against
// the file before it is believed: DATA_LOSS (truncated, a header length or
// offsets that lie, overlaps, gaps, a size that is not shape x dtype, a name
// twice), INVALID_ARGUMENT (an unknown dtype), UNIMPLEMENTED (a pickle). Errors
// name the file and the tensor.
absl::StatusOr<StoredTensors> ReadSafetensors(const std::string& path);
// The same for a file that is already mapped.
absl::StatusOr<StoredTensors> ParseSafetensors(
    const std::shared_ptr<const MappedFile>& file);

// Writes `tensors` so that the same tensors and metadata give the same bytes,
// whatever their order. The file appears whole or not at all. INVALID_ARGUMENT
// when a name comes twice or a tensor's data has not its size.
absl::Status WriteSafetensors(
    const std::string& path, absl::Span<const HostTensor> tensors,
    const std::map<std::string, std::string>& metadata = {});

}  // namespace mneme

#endif  // MNEME_MODEL_CHECKPOINT_SAFETENSORS_H_
