#ifndef MNEME_TESTS_CLIENT_CLI_SEGMENTS_H_
#define MNEME_TESTS_CLIENT_CLI_SEGMENTS_H_

#include <cstring>
#include <string>
#include <vector>

#include "client/segment_result.h"

namespace mneme::testing {

template <typename T>
client::OutputTensor MakeTensor(const std::string& name,
                                client::ElementType type,
                                const std::vector<T>& values) {
  client::OutputTensor tensor;
  tensor.name = name;
  tensor.type = type;
  tensor.shape = {static_cast<int64_t>(values.size())};
  tensor.data.resize(values.size() * sizeof(T));
  std::memcpy(tensor.data.data(), values.data(), tensor.data.size());
  return tensor;
}

// Step `step` of session "s" with these log-probabilities.
inline client::SegmentResult MakeSegment(uint64_t step,
                                         const std::vector<float>& log_probs) {
  client::SegmentResult segment;
  segment.handle = {"s", step, std::string(32, '\x0f')};
  segment.num_tokens = static_cast<uint32_t>(log_probs.size());
  segment.outputs.push_back(
      MakeTensor("log_probs", client::ElementType::kF32, log_probs));
  segment.batch_size = 4;
  segment.reply_time = absl::Microseconds(100);
  segment.device_time = absl::Microseconds(50);
  return segment;
}

}  // namespace mneme::testing

#endif  // MNEME_TESTS_CLIENT_CLI_SEGMENTS_H_
