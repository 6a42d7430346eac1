#ifndef MNEME_CLIENT_SESSION_INFO_H_
#define MNEME_CLIENT_SESSION_INFO_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/handle.h"

namespace mneme::client {

// RESET starts every segment from the initial memory; it measures what the
// memory is worth.
enum class MemoryPolicy { kCarry, kReset };

// What an acknowledged segment survives; kServerDefault leaves it to the
// server.
enum class Durability { kServerDefault, kMemory, kAsync, kSync };

absl::string_view ToString(MemoryPolicy policy);
absl::string_view ToString(Durability durability);

// What Client::OpenSession asks for.
struct SessionSpec {
  // 1 to 128 characters of [A-Za-z0-9._-]; empty: 128 random bits as hex.
  std::string session_id;
  // Empty: the only model of the server.
  std::string model;
  MemoryPolicy memory_policy = MemoryPolicy::kCarry;
  Durability durability = Durability::kServerDefault;
  // The session ends by itself when it was not used for so long, or is so old.
  // Zero leaves it to the server.
  absl::Duration idle_ttl;
  absl::Duration max_age;
};

// What Client::TouchSession changes: all of it or nothing.
struct SessionChanges {
  // Pinned values stay until they are unpinned, or the session is rolled back
  // behind them.
  std::vector<MemoryHandle> pin = {};
  std::vector<MemoryHandle> unpin = {};
  // As those of SessionSpec; zero: as it is.
  absl::Duration idle_ttl = absl::ZeroDuration();
  absl::Duration max_age = absl::ZeroDuration();
};

// A session as the server describes it. A plain value.
struct SessionInfo {
  std::string session_id;
  std::string model;
  std::string fingerprint;
  MemoryPolicy memory_policy = MemoryPolicy::kCarry;
  Durability durability = Durability::kServerDefault;
  Position head;
  MemoryHandle durable;
  std::vector<MemoryHandle> retained;
  std::vector<MemoryHandle> pinned;  // of `retained`: those that stay
  uint64_t memory_bytes = 0;
  absl::Time created = absl::InfinitePast();
  absl::Time last_used = absl::InfinitePast();
  // When it ends by itself, if it is not used before.
  absl::Duration idle_ttl = absl::InfiniteDuration();
  absl::Duration max_age = absl::InfiniteDuration();
  absl::Time expires = absl::InfiniteFuture();
};

// A model as the server describes it. A plain value.
struct ModelInfo {
  std::string name;
  int64_t version = 0;
  std::string architecture;
  std::string fingerprint;
  std::string numeric_mode;
  uint32_t segment_size = 0;
  uint32_t vocab_size = 0;
  // "bytes": the model takes text, a token a byte. Empty: token ids only.
  std::string tokenizer;
  std::vector<std::string> outputs;
  uint64_t memory_bytes = 0;
  std::string device;

  bool HasOutput(absl::string_view output) const;
};

}  // namespace mneme::client

#endif  // MNEME_CLIENT_SESSION_INFO_H_
