#include "tests/crash/session_model.h"

#include <algorithm>
#include <random>

#include "absl/types/span.h"
#include "model/memory/oracle.h"
#include "server/session/lineage.h"

namespace mneme {
namespace {

Place Next(const Place& from, absl::Span<const int32_t> segment) {
  Place next = from;
  ++next.step;
  next.digest = NextDigest(from.digest, segment, /*flags=*/0);
  next.tokens += segment.size();
  next.state =
      OracleState(from.state, static_cast<int64_t>(from.tokens), segment);
  return next;
}

}  // namespace

std::vector<int32_t> TokensAfter(uint64_t seed, uint64_t stream,
                                 const Place& from, uint64_t count) {
  std::vector<int32_t> tokens;
  for (uint64_t i = from.tokens; i < from.tokens + count; ++i) {
    std::seed_seq place{seed, stream, from.branch, i};
    std::minstd_rand random(place);
    tokens.push_back(static_cast<int32_t>(random() % kCrashVocabulary));
  }
  return tokens;
}

std::vector<Place> PlacesOf(const Place& from,
                            const std::vector<int32_t>& tokens, bool flush) {
  std::vector<Place> places = {from};
  absl::Span<const int32_t> left(tokens);
  while (left.size() >= kCrashSegment || (flush && !left.empty())) {
    const auto segment =
        left.first(std::min<size_t>(left.size(), kCrashSegment));
    places.push_back(Next(places.back(), segment));
    left.remove_prefix(segment.size());
  }
  return places;
}

}  // namespace mneme
