#ifndef MNEME_TESTS_CRASH_WIRE_PLACE_H_
#define MNEME_TESTS_CRASH_WIRE_PLACE_H_

#include <cstdint>
#include <vector>

#include "mneme/v1/types.pb.h"
#include "tests/crash/session_model.h"

namespace mneme {

// Places beside what a server says of them. Pure functions.

inline bool IsAt(const v1::MemoryHandle& handle, const Place& place) {
  return handle.step() == place.step &&
         handle.digest() == AsBytes(place.digest);
}

inline std::vector<uint64_t> StepsOf(
    const google::protobuf::RepeatedPtrField<v1::MemoryHandle>& handles) {
  std::vector<uint64_t> steps;
  for (const v1::MemoryHandle& handle : handles) steps.push_back(handle.step());
  return steps;
}

}  // namespace mneme

#endif  // MNEME_TESTS_CRASH_WIRE_PLACE_H_
