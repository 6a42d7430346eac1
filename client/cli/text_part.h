#ifndef MNEME_CLIENT_CLI_TEXT_PART_H_
#define MNEME_CLIENT_CLI_TEXT_PART_H_

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace mneme::cli {

// The bytes [begin, end) of a file: the text of one session. A plain value.
struct TextPart {
  std::string path;
  uint64_t begin = 0;
  uint64_t end = 0;
};

// Gives each session its text. With as many sessions as files (or 0) each file
// is one; with more, each file is cut into contiguous parts of equal size, the
// first files into one more where it does not come out even. At most `limit`
// bytes of each file, unless 0. Empty parts are left out.
absl::StatusOr<std::vector<TextPart>> CutIntoParts(
    const std::vector<std::string>& files, uint64_t sessions, uint64_t limit);

// Reads a part from its begin to its end. Thread-compatible.
class PartReader {
 public:
  static absl::StatusOr<PartReader> Open(const TextPart& part);

  // The next bytes, at most so many; empty at the end. DATA_LOSS if the file
  // has become shorter.
  absl::StatusOr<std::string> Read(size_t max_bytes);
  bool at_end() const { return left_ == 0; }

 private:
  PartReader(std::string path, std::ifstream stream, uint64_t left)
      : path_(std::move(path)), stream_(std::move(stream)), left_(left) {}

  std::string path_;
  std::ifstream stream_;
  uint64_t left_;
};

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_TEXT_PART_H_
