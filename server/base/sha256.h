#ifndef MNEME_SERVER_BASE_SHA256_H_
#define MNEME_SERVER_BASE_SHA256_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/strings/string_view.h"

namespace mneme {

// A SHA-256 digest (FIPS 180-4): lineage digests and model fingerprints.
using Digest = std::array<uint8_t, 32>;

// Incremental SHA-256. Used by one thread; Finish() is called once, last.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  Sha256& Update(absl::string_view bytes);
  Digest Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// HMAC-SHA256 (RFC 2104).
Digest HmacSha256(absl::string_view key, absl::string_view message);

// Whether two digests are equal, in a time that does not tell where they
// differ: for what an attacker may try to guess.
bool SameInConstantTime(const Digest& a, const Digest& b);

// The digest's bytes, for hashing and storing. Valid while `digest` lives.
inline absl::string_view AsBytes(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace mneme

#endif  // MNEME_SERVER_BASE_SHA256_H_
