#ifndef MNEME_CLIENT_CLI_BENCH_TOKEN_SOURCE_H_
#define MNEME_CLIENT_CLI_BENCH_TOKEN_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/bench/random_bits.h"

namespace mneme::cli {

// Where a bench's tokens come from: random ids below the vocabulary, or the
// bytes of a file, over and over. Never changes: thread-safe.
class TokenSource {
 public:
  // `what` is "random" or a file's path. INVALID_ARGUMENT for an empty file and
  // for a vocabulary that has not all bytes; errors name the path.
  static absl::StatusOr<TokenSource> Open(const std::string& what,
                                          uint32_t vocab_size);

 private:
  friend class TokenStream;
  TokenSource(std::string text, uint32_t vocab_size)
      : text_(std::move(text)), vocab_size_(vocab_size) {}

  std::string text_;  // empty: random
  uint32_t vocab_size_;
};

// The tokens of one session. Sessions of different seeds have different tokens
// from the first on (of a file, from a random place in it), so that a server
// that computes a shared prefix only once has nothing to share.
// Thread-compatible.
class TokenStream {
 public:
  // `source` must outlive this.
  TokenStream(const TokenSource& source, uint64_t seed);

  // The next `n` tokens, until the next call.
  const std::vector<int32_t>& Next(size_t n);

 private:
  const TokenSource& source_;
  RandomBits bits_;
  size_t position_ = 0;
  std::vector<int32_t> tokens_;
};

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_BENCH_TOKEN_SOURCE_H_
