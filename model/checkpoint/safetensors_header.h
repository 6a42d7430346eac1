#ifndef MNEME_MODEL_CHECKPOINT_SAFETENSORS_HEADER_H_
#define MNEME_MODEL_CHECKPOINT_SAFETENSORS_HEADER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/tensor.h"

namespace mneme {

// The safetensors format as bytes in memory, for files and for what comes over
// a network: 8 bytes of header length, a header in JSON, the tensors' bytes.
// No torch and no files here. Pure functions, called on any thread.

// A tensor as the header describes it.
struct SafetensorsEntry {
  std::string name;
  std::string dtype_name;      // as the file spells it
  std::optional<DType> dtype;  // nullopt: one that we cannot compute with
  std::vector<int64_t> shape;
  uint64_t begin = 0;  // its bytes, counted from the first byte of data
  uint64_t end = 0;
};

// What a file says of itself. Invariant: the tensors lie one after the other,
// without gaps, and are all of the file's data.
struct SafetensorsHeader {
  // In the order of their bytes; those without bytes that lie at the same
  // place in the order of the header.
  std::vector<SafetensorsEntry> tensors;
  std::map<std::string, std::string> metadata;  // "__metadata__"
  uint64_t data_begin = 0;  // bytes of the length and the header
  uint64_t file_bytes = 0;
};

// Whose bytes are parsed, and how far they are trusted.
struct SafetensorsSource {
  std::string where;  // begins every error: a path, or what the bytes are
  uint64_t max_header_bytes = 100'000'000;  // as the reference reader
};

// The header of a whole file. Everything that it claims is checked before it is
// believed: DATA_LOSS (truncated, a header length or offsets that lie,
// overlaps, gaps, a size that is not shape x dtype, a name twice, metadata that
// are not strings), INVALID_ARGUMENT (an unknown dtype). Errors name the
// tensor.
absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(
    absl::string_view file, const SafetensorsSource& source);

// The same of a file of which only the beginning has come; nullopt while the
// header is not whole. `file_bytes` is how long the file claims to be, up to
// 2^63: it is the caller's to refuse.
absl::StatusOr<std::optional<SafetensorsHeader>> ParseSafetensorsPrefix(
    absl::string_view prefix, const SafetensorsSource& source);

// What stands before the data of a file whose data are `tensors` one after the
// other: length and header, padded to a multiple of 8. The same arguments give
// the same bytes. INVALID_ARGUMENT when a name comes twice or is
// "__metadata__", a shape has no size, or a text is not UTF-8.
absl::StatusOr<std::string> MakeSafetensorsHeader(
    absl::Span<const TensorSpec> tensors,
    const std::map<std::string, std::string>& metadata);

}  // namespace mneme

#endif  // MNEME_MODEL_CHECKPOINT_SAFETENSORS_HEADER_H_
