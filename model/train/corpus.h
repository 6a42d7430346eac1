#ifndef MNEME_MODEL_TRAIN_CORPUS_H_
#define MNEME_MODEL_TRAIN_CORPUS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mneme {

// How to come by the benchmark's text, for --help and for a missing file.
inline constexpr char kWiki15Origin[] =
    "the benchmark wiki15-100M is made with `xz -dc enwiki2015_AA.txt.xz | "
    "head "
    "-c 100000000 > wiki15-100M`; enwiki2015_AA.txt.xz (English Wikipedia of "
    "spring 2015 as WikiExtractor's plain text, 28,170,656 bytes, sha256 "
    "128db011161be966f8b85b97d291477495970386240c51c3099e6e50aff6c2d5) is not "
    "part of the repository: keep it outside, as in ~/mneme-texts/; "
    "model/zoo/wiki-rmt/CARD.md tells more";

// Bytes of a text file, in this order. `train` 0 means all that the other two
// leave.
struct SplitSizes {
  int64_t train = 0;
  int64_t valid = 0;
  int64_t test = 0;
};

// A text in memory, cut into its train, valid and test parts. Bytes are the
// tokens. Immutable; safe to read from any thread.
class Corpus {
 public:
  // Reads `path` whole. `sha256` (64 hex digits) is compared with the file's
  // when it is not empty; a file named wiki15-100M* must be that benchmark.
  // Errors: NOT_FOUND; INVALID_ARGUMENT when the file is shorter than the
  // splits; DATA_LOSS when the checksum differs.
  static absl::StatusOr<Corpus> Load(const std::string& path,
                                     const SplitSizes& sizes,
                                     const std::string& sha256);

  absl::string_view train() const { return Part(0, sizes_.train); }
  absl::string_view valid() const { return Part(sizes_.train, sizes_.valid); }
  absl::string_view test() const {
    return Part(sizes_.train + sizes_.valid, sizes_.test);
  }
  // Of the whole file, in hex.
  const std::string& sha256() const { return sha256_; }

 private:
  absl::string_view Part(int64_t begin, int64_t size) const;

  std::string bytes_;
  SplitSizes sizes_;
  std::string sha256_;
};

}  // namespace mneme

#endif  // MNEME_MODEL_TRAIN_CORPUS_H_
