#include "server/store/checksum.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace mneme {

uint64_t Checksum(std::initializer_list<absl::string_view> parts) {
  uint64_t sum = 0;
  for (const absl::string_view part : parts) {
    sum = XXH3_64bits_withSeed(part.data(), part.size(), sum);
  }
  return sum;
}

}  // namespace mneme
