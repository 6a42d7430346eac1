#ifndef MNEME_MODEL_CHECKPOINT_FINGERPRINT_H_
#define MNEME_MODEL_CHECKPOINT_FINGERPRINT_H_

#include "absl/strings/string_view.h"
#include "model/checkpoint/safetensors.h"
#include "server/base/sha256.h"

namespace mneme {

// What a model computes, as a digest: SHA-256 over `canonical_config` (the
// config fields that change results, in one spelling) and the tensors sorted by
// our names (name, dtype, shape, bytes). How the file is cut into shards, its
// wrapper prefixes and ignored buffers do not change it. Callable from any
// thread.
Digest Fingerprint(absl::string_view canonical_config,
                   const StoredTensors& tensors);

}  // namespace mneme

#endif  // MNEME_MODEL_CHECKPOINT_FINGERPRINT_H_
