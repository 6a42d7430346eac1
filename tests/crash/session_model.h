#ifndef MNEME_TESTS_CRASH_SESSION_MODEL_H_
#define MNEME_TESTS_CRASH_SESSION_MODEL_H_

#include <cstdint>
#include <string>
#include <vector>

#include "server/base/sha256.h"

namespace mneme {

// What a session of the oracle must be after what was asked of it, computed
// beside the server. Pure functions.

inline constexpr uint64_t kCrashSegment = 8;
inline constexpr int32_t kCrashVocabulary = 1000;

// A memory value of a session: its handle, and what led to it.
struct Place {
  uint64_t step = 0;
  Digest digest{};
  uint64_t tokens = 0;  // applied so far
  int64_t state = 0;    // the oracle's
  // Counts the session's rollbacks: the tokens after a place depend on it, so
  // that a value of before a rollback is never right after it.
  uint64_t branch = 0;
  friend bool operator==(const Place&, const Place&) = default;
};

// The `count` tokens that a session of a run sends after `from`. Sessions of
// one `stream` send the same after the same place.
std::vector<int32_t> TokensAfter(uint64_t seed, uint64_t stream,
                                 const Place& from, uint64_t count);

// Where a message of these tokens leads: `from`, then the place after each
// segment that it completes. `flush`: the last one may be short.
std::vector<Place> PlacesOf(const Place& from,
                            const std::vector<int32_t>& tokens, bool flush);

}  // namespace mneme

#endif  // MNEME_TESTS_CRASH_SESSION_MODEL_H_
