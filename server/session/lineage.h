#ifndef MNEME_SERVER_SESSION_LINEAGE_H_
#define MNEME_SERVER_SESSION_LINEAGE_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/base/sha256.h"

namespace mneme {

// The digest of a stream (DESIGN 2): the same on every machine and however the
// stream was cut into messages. Vectors: proto/mneme/v1/lineage_vectors.json.
// Pure functions, called on any thread.

// Step flags, part of the digest.
inline constexpr uint32_t kStepFlagReset = 1;  // ran from the initial memory

// HMAC-SHA256(tenant key, "mneme-lineage-1" | fingerprint).
Digest InitialDigest(absl::string_view tenant_key, const Digest& fingerprint);

// SHA-256("mneme-step-1" | parent | uint32 token count | int32 tokens |
// uint32 flags), little-endian.
Digest NextDigest(const Digest& parent, absl::Span<const int32_t> tokens,
                  uint32_t flags);

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_LINEAGE_H_
