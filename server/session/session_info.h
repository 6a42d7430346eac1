#ifndef MNEME_SERVER_SESSION_SESSION_INFO_H_
#define MNEME_SERVER_SESSION_SESSION_INFO_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/session/handle.h"
#include "server/session/memory_policy.h"
#include "server/session/session_ttl.h"
#include "server/store/memory_store.h"

namespace mneme {

// A session as its owner sees it. A plain copy.
struct SessionInfo {
  SessionKey key;
  std::string model;
  Digest fingerprint{};
  MemoryPolicy policy = MemoryPolicy::kCarry;
  Durability durability = Durability::kSync;
  Position head;
  MemoryHandle durable;
  std::vector<MemoryHandle> retained;  // by step, the head last
  std::vector<MemoryHandle> pinned;    // of these
  int64_t memory_bytes = 0;
  absl::Time created;
  absl::Time last_used;
  TtlPolicy ttl;
  absl::Time expires = absl::InfiniteFuture();  // unless it is used before
};

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_SESSION_INFO_H_
