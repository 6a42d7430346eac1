#ifndef MNEME_CLIENT_HANDLE_H_
#define MNEME_CLIENT_HANDLE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mneme::client {

// The name of one immutable memory value: a session, how many segments were
// applied, and the lineage digest of their tokens (32 bytes, not hex). A plain
// value; thread-compatible.
struct MemoryHandle {
  std::string session_id;
  uint64_t step = 0;
  std::string digest;

  friend bool operator==(const MemoryHandle& a, const MemoryHandle& b) {
    return a.step == b.step && a.digest == b.digest &&
           a.session_id == b.session_id;
  }
  friend bool operator!=(const MemoryHandle& a, const MemoryHandle& b) {
    return !(a == b);
  }
};

// A place in a session's stream: `tail` tokens after `handle`.
struct Position {
  MemoryHandle handle;
  uint32_t tail = 0;
};

// "session/step/hex", the form that users see.
std::string ToString(const MemoryHandle& handle);

// The inverse of ToString. INVALID_ARGUMENT says which part is wrong.
absl::StatusOr<MemoryHandle> ParseMemoryHandle(absl::string_view text);

}  // namespace mneme::client

#endif  // MNEME_CLIENT_HANDLE_H_
