#ifndef MNEME_CLIENT_CLI_TEXT_TABLE_H_
#define MNEME_CLIENT_CLI_TEXT_TABLE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace mneme::cli {

// A table for people: columns as wide as their widest cell, the first one flush
// left, the others as `right_aligned` says. Thread-compatible.
class TextTable {
 public:
  // `headings` may be empty: then there is no head line.
  explicit TextTable(std::vector<std::string> headings,
                     bool right_aligned = true)
      : headings_(std::move(headings)), right_aligned_(right_aligned) {}

  void AddRow(std::vector<std::string> cells) {
    rows_.push_back(std::move(cells));
  }
  std::string Format() const;

 private:
  std::vector<std::string> headings_;
  std::vector<std::vector<std::string>> rows_;
  bool right_aligned_;
};

// 1234567 -> "1,234,567".
std::string WithCommas(uint64_t number);
// "1 session", "2,000 sessions".
std::string Counted(uint64_t number, absl::string_view noun);
// A time in microseconds with a unit that suits it: "85 us", "1.25 ms", "3 s".
std::string HumanMicros(double micros);
// "2026-05-06 07:08:09", where the user is.
std::string HumanTime(absl::Time time);
// "512 B", "34.5 KB", "1.2 MB" (powers of 1000).
std::string HumanBytes(uint64_t bytes);

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_TEXT_TABLE_H_
