#ifndef MNEME_SERVER_SESSION_HANDLE_H_
#define MNEME_SERVER_SESSION_HANDLE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/sha256.h"

namespace mneme {

// The name of one immutable memory value (DESIGN 2). A plain value; it is
// valid only while the store retains what it names.
struct MemoryHandle {
  std::string session_id;
  uint64_t step = 0;  // segments applied; 0 is the initial memory
  Digest digest{};    // the lineage digest

  // "session/step/hex", and back. Parse: INVALID_ARGUMENT that says what is
  // wrong; it accepts what ToString() prints and nothing else.
  std::string ToString() const;
  static absl::StatusOr<MemoryHandle> Parse(absl::string_view text);

  friend bool operator==(const MemoryHandle&, const MemoryHandle&) = default;
};

// A place in a session's stream: after a value and `tail` more tokens.
struct Position {
  MemoryHandle handle;
  uint64_t tail = 0;

  friend bool operator==(const Position&, const Position&) = default;
};

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_HANDLE_H_
