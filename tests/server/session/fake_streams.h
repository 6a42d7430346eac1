#ifndef MNEME_TESTS_SERVER_SESSION_FAKE_STREAMS_H_
#define MNEME_TESTS_SERVER_SESSION_FAKE_STREAMS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "server/session/segment.h"
#include "tests/testing/fake_model.h"

namespace mneme {

// Tokens for a FakeModel, and what it makes of them: for fixtures to inherit.
struct FakeStreams {
  static std::vector<int32_t> Range(int32_t first, int32_t size) {
    std::vector<int32_t> tokens;
    for (int32_t i = 0; i < size; ++i) tokens.push_back((first + i) % 256);
    return tokens;
  }
  // Its memory after all of them.
  static int64_t Oracle(const std::vector<int32_t>& tokens) {
    int64_t sum = 0;
    for (const int32_t token : tokens) sum = FakeModel::Next(sum, token);
    return sum;
  }
  // The "sum" after the last token that a message applied.
  static int64_t LastSum(const SegmentReply& reply) {
    return Int64s(reply.segments.back().outputs[0]).back();
  }
  static int64_t LastSum(const absl::StatusOr<SegmentReply>& reply) {
    return LastSum(*reply);
  }
};

}  // namespace mneme

#endif  // MNEME_TESTS_SERVER_SESSION_FAKE_STREAMS_H_
