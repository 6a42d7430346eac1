#ifndef MNEME_CLIENT_CLI_PROGRESS_H_
#define MNEME_CLIENT_CLI_PROGRESS_H_

#include <cstdint>
#include <ostream>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace mneme::cli {

// Shows how far a run is: a bar that redraws itself on a terminal, else a line
// for every tenth. Thread-compatible; used by the thread that runs the command.
class Progress {
 public:
  // `total` tokens are expected; `terminal`: whether `out` is one.
  Progress(std::ostream& out, bool terminal, uint64_t total)
      : out_(out), terminal_(terminal), total_(total) {}

  void Update(uint64_t tokens, uint64_t segments, absl::Duration elapsed);
  // The same of a run that is `done` (0 to 1), whatever its tokens.
  void Show(double done, uint64_t tokens, uint64_t segments,
            absl::Duration elapsed);
  // Prints a line of its own above the bar.
  void Note(absl::string_view line);
  // Ends the bar's line.
  void Finish();

 private:
  std::string Describe(double done, uint64_t tokens, uint64_t segments,
                       absl::Duration elapsed) const;

  std::ostream& out_;
  const bool terminal_;
  const uint64_t total_;
  uint64_t tenths_ = 0;
  bool drawn_ = false;
};

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_PROGRESS_H_
