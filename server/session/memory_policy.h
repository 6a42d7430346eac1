#ifndef MNEME_SERVER_SESSION_MEMORY_POLICY_H_
#define MNEME_SERVER_SESSION_MEMORY_POLICY_H_

#include <cstdint>

namespace mneme {

// What each segment starts from (segments.proto, sessions.proto).
enum class MemoryPolicy : uint8_t { kCarry = 1, kReset = 2 };

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_MEMORY_POLICY_H_
