#ifndef MNEME_CLIENT_SEGMENT_RESULT_H_
#define MNEME_CLIENT_SEGMENT_RESULT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/handle.h"

namespace mneme::client {

enum class ElementType { kUnknown, kF32, kBF16, kF16, kI64, kI32, kU8 };

// One output of one segment: dense, row-major, little-endian. A plain value.
struct OutputTensor {
  std::string name;
  ElementType type = ElementType::kUnknown;
  std::vector<int64_t> shape;
  std::string data;

  // The elements; empty unless the type is F32 (I32).
  std::vector<float> AsFloats() const;
  std::vector<int32_t> AsInts() const;
};

// Where a result came from: computed now, kept from when the segment was
// applied before, computed once more because it was no longer kept, or applied
// now from what another session had made of the same tokens.
enum class ResultSource { kComputed, kKept, kRecomputed, kShared };

absl::string_view ToString(ResultSource source);

// What a session's stream hands back for one segment. A plain value.
struct SegmentResult {
  MemoryHandle handle;  // after the segment
  uint32_t num_tokens = 0;
  std::vector<OutputTensor> outputs;
  ResultSource source = ResultSource::kComputed;

  absl::Duration queue_time;
  absl::Duration device_time;
  absl::Duration commit_time;
  uint32_t batch_size = 0;
  // From handing the message that completed the segment to gRPC, to its reply.
  absl::Duration reply_time;

  // The output of that name, or null.
  const OutputTensor* Find(absl::string_view name) const;
};

}  // namespace mneme::client

#endif  // MNEME_CLIENT_SEGMENT_RESULT_H_
