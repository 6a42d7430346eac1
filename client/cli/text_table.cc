#include "client/cli/text_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace mneme::cli {
namespace {

void Widen(const std::vector<std::string>& cells, std::vector<size_t>& widths) {
  if (widths.size() < cells.size()) widths.resize(cells.size());
  for (size_t i = 0; i < cells.size(); ++i) {
    widths[i] = std::max(widths[i], cells[i].size());
  }
}

}  // namespace

std::string TextTable::Format() const {
  std::vector<size_t> widths;
  Widen(headings_, widths);
  for (const auto& row : rows_) Widen(row, widths);
  std::string text;
  auto add = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (size_t i = 0; i < cells.size(); ++i) {
      std::string padding(widths[i] - cells[i].size(), ' ');
      bool right = right_aligned_ && i > 0;
      absl::StrAppend(&line, i > 0 ? "  " : "", right ? padding : "", cells[i],
                      right ? "" : padding);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    absl::StrAppend(&text, line, "\n");
  };
  if (!headings_.empty()) add(headings_);
  for (const auto& row : rows_) add(row);
  return text;
}

std::string WithCommas(uint64_t number) {
  std::string digits = absl::StrCat(number);
  for (size_t i = digits.size(); i > 3;) {
    i -= 3;
    digits.insert(i, 1, ',');
  }
  return digits;
}

std::string Counted(uint64_t number, absl::string_view noun) {
  return absl::StrCat(WithCommas(number), " ", noun, number == 1 ? "" : "s");
}

std::string HumanMicros(double micros) {
  if (micros < 1000) return absl::StrFormat("%.0f us", micros);
  if (micros < 1e6) return absl::StrFormat("%.2f ms", micros / 1e3);
  return absl::StrFormat("%.2f s", micros / 1e6);
}

std::string HumanTime(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", time, absl::LocalTimeZone());
}

std::string HumanBytes(uint64_t bytes) {
  if (bytes < 1000) return absl::StrCat(bytes, " B");
  double value = static_cast<double>(bytes) / 1000;
  for (const char* unit : {"KB", "MB", "GB"}) {
    if (value < 999.95) return absl::StrFormat("%.1f %s", value, unit);
    value /= 1000;
  }
  return absl::StrFormat("%.1f TB", value);
}

}  // namespace mneme::cli
