#ifndef MNEME_CLIENT_CLI_BENCH_SEGMENT_MIX_H_
#define MNEME_CLIENT_CLI_BENCH_SEGMENT_MIX_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/cli/bench/random_bits.h"

namespace mneme::cli {

// How long a bench's segments are: sizes in tokens, each with a weight. A plain
// value.
class SegmentMix {
 public:
  // All of one size. REQUIRES: tokens > 0.
  explicit SegmentMix(uint32_t tokens) : parts_({{tokens, 1}}) {}

  // "512", or "512:0.9,100:0.1" with weights, which need not add up to 1.
  // INVALID_ARGUMENT says what was expected.
  static absl::StatusOr<SegmentMix> Parse(absl::string_view text);

  uint32_t Draw(RandomBits& bits) const;
  uint32_t largest() const;
  // The form that Parse takes.
  std::string ToString() const;

 private:
  struct Part {
    uint32_t tokens;
    double weight;
  };

  SegmentMix() = default;

  std::vector<Part> parts_;  // never empty
};

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_BENCH_SEGMENT_MIX_H_
