#include "client/cli/bench/segment_mix.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace mneme::cli {

absl::StatusOr<SegmentMix> SegmentMix::Parse(absl::string_view text) {
  SegmentMix mix;
  for (absl::string_view piece : absl::StrSplit(text, ',')) {
    const std::pair<absl::string_view, absl::string_view> halves =
        absl::StrSplit(piece, absl::MaxSplits(':', 1));
    Part part = {0, 1};
    const bool weighted = halves.first.size() < piece.size();
    if (!absl::SimpleAtoi(halves.first, &part.tokens) || part.tokens == 0 ||
        (weighted && !absl::SimpleAtod(halves.second, &part.weight)) ||
        !(part.weight > 0) || !std::isfinite(part.weight)) {
      return absl::InvalidArgumentError(
          absl::StrCat("expected tokens, or TOKENS:WEIGHT,... such as "
                       "512:0.9,100:0.1, got '",
                       text, "'"));
    }
    mix.parts_.push_back(part);
  }
  return mix;
}

uint32_t SegmentMix::Draw(RandomBits& bits) const {
  if (parts_.size() == 1) return parts_[0].tokens;
  double sum = 0;
  for (const Part& part : parts_) sum += part.weight;
  double left = bits.Fraction() * sum;
  for (const Part& part : parts_) {
    left -= part.weight;
    if (left <= 0) return part.tokens;
  }
  return parts_.back().tokens;
}

uint32_t SegmentMix::largest() const {
  uint32_t largest = 0;
  for (const Part& part : parts_) largest = std::max(largest, part.tokens);
  return largest;
}

std::string SegmentMix::ToString() const {
  if (parts_.size() == 1) return absl::StrCat(parts_[0].tokens);
  return absl::StrJoin(parts_, ",", [](std::string* out, const Part& part) {
    absl::StrAppend(out, part.tokens, ":", part.weight);
  });
}

}  // namespace mneme::cli
