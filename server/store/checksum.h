#ifndef MNEME_SERVER_STORE_CHECKSUM_H_
#define MNEME_SERVER_STORE_CHECKSUM_H_

#include <cstdint>
#include <initializer_list>

#include "absl/strings/string_view.h"

namespace mneme {

// XXH3 over the parts, each seeded with the checksum of those before it, so
// that bytes cannot move from one part into the next unseen. It finds damage,
// not malice. Stored on disk: never changes without a new format version.
uint64_t Checksum(std::initializer_list<absl::string_view> parts);

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_CHECKSUM_H_
