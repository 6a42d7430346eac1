#ifndef MNEME_CLIENT_CLI_TEXT_PART_H_
#define MNEME_CLIENT_CLI_TEXT_PART_H_

#include <cstddef>
#include <cstdint>
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

// Reads a part from its begin to its end. The file is open during a read only:
// a run has more sessions than a process may have files. Thread-compatible.
class PartReader {
 public:
  // FAILED_PRECONDITION: the file cannot be read.
  static absl::StatusOr<PartReader> Open(const TextPart& part);

  // The next bytes, at most so many; empty at the end. DATA_LOSS if the file
  // has become shorter; FAILED_PRECONDITION if it cannot be read any more. A
  // file that changes meanwhile is read as it is then.
  absl::StatusOr<std::string> Read(size_t max_bytes);
  bool at_end() const { return left_ == 0; }

 private:
  explicit PartReader(const TextPart& part)
      : path_(part.path), next_(part.begin), left_(part.end - part.begin) {}

  std::string path_;
  uint64_t next_;
  uint64_t left_;
};

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_TEXT_PART_H_
