#include "client/segment_result.h"

#include <cstring>

namespace mneme::client {
namespace {

template <typename T>
std::vector<T> Elements(const std::string& data) {
  std::vector<T> elements(data.size() / sizeof(T));
  if (!elements.empty()) {
    std::memcpy(elements.data(), data.data(), elements.size() * sizeof(T));
  }
  return elements;
}

}  // namespace

std::vector<float> OutputTensor::AsFloats() const {
  if (type != ElementType::kF32) return {};
  return Elements<float>(data);
}

std::vector<int32_t> OutputTensor::AsInts() const {
  if (type != ElementType::kI32) return {};
  return Elements<int32_t>(data);
}

absl::string_view ToString(ResultSource source) {
  switch (source) {
    case ResultSource::kComputed:
      return "computed";
    case ResultSource::kKept:
      return "kept";
    case ResultSource::kRecomputed:
      return "recomputed";
    case ResultSource::kShared:
      return "shared";
  }
  return "unknown";
}

const OutputTensor* SegmentResult::Find(absl::string_view name) const {
  for (const OutputTensor& output : outputs) {
    if (output.name == name) return &output;
  }
  return nullptr;
}

}  // namespace mneme::client
