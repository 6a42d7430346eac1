#include "client/cli/progress.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/text_table.h"

namespace mneme::cli {
namespace {

constexpr int kBarWidth = 28;
constexpr char kStartOfLine[] = "\r\x1b[K";

}  // namespace

void Progress::Update(uint64_t tokens, uint64_t segments,
                      absl::Duration elapsed) {
  if (!terminal_) {
    uint64_t tenths = total_ == 0 ? 0 : tokens * 10 / total_;
    if (tenths <= tenths_) return;
    tenths_ = tenths;
  }
  const double done =
      total_ == 0 ? 1
                  : static_cast<double>(tokens) / static_cast<double>(total_);
  Show(done, tokens, segments, elapsed);
}

void Progress::Show(double done, uint64_t tokens, uint64_t segments,
                    absl::Duration elapsed) {
  const std::string line =
      Describe(std::min(done, 1.0), tokens, segments, elapsed);
  if (terminal_) {
    out_ << kStartOfLine << line << std::flush;
    drawn_ = true;
  } else {
    out_ << line << std::endl;
  }
}

void Progress::Note(absl::string_view line) {
  if (drawn_) out_ << kStartOfLine;
  out_ << line << std::endl;
  drawn_ = false;
}

void Progress::Finish() {
  if (drawn_) out_ << std::endl;
  drawn_ = false;
}

std::string Progress::Describe(double done, uint64_t tokens, uint64_t segments,
                               absl::Duration elapsed) const {
  double seconds = std::max(1e-9, absl::ToDoubleSeconds(elapsed));
  double rate = static_cast<double>(tokens) / seconds;
  auto filled = static_cast<size_t>(done * kBarWidth);
  std::string bar =
      terminal_ ? absl::StrCat("[", std::string(filled, '='),
                               std::string(kBarWidth - filled, ' '), "] ")
                : "mneme: ";
  std::string line = absl::StrFormat("%s%3.0f %%  %s segments  %s tokens/s",
                                     bar, done * 100, WithCommas(segments),
                                     WithCommas(static_cast<uint64_t>(rate)));
  if (terminal_ && done > 0 && done < 1) {
    absl::StrAppendFormat(&line, "  %.0f s left", seconds * (1 - done) / done);
  }
  return line;
}

}  // namespace mneme::cli
