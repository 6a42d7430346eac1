#include "tests/server/session/linearizability_check.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"

namespace mneme {

bool History::IsLinearizable() {
  std::sort(
      operations_.begin(), operations_.end(),
      [](const Operation& a, const Operation& b) { return a.sent < b.sent; });
  return operations_.size() <= 64 && Search(0, session_.start());
}

int64_t History::FirstAnswer(uint64_t done) const {
  int64_t first = std::numeric_limits<int64_t>::max();
  for (size_t i = 0; i < operations_.size(); ++i) {
    if ((done >> i & 1) == 0) first = std::min(first, operations_[i].answered);
  }
  return first;
}

bool History::Search(uint64_t done, const Head* head) {
  if (order_.size() > longest_.size()) longest_ = order_;
  if (order_.size() == operations_.size()) return true;
  if (!seen_.insert({done, head}).second) return false;
  const int64_t first_answer = FirstAnswer(done);
  for (size_t i = 0; i < operations_.size(); ++i) {
    if ((done >> i & 1) != 0) continue;
    if (operations_[i].sent > first_answer) break;  // as all after it
    order_.push_back(i);
    for (const Head* next : session_.After(head, operations_[i])) {
      if (Search(done | uint64_t{1} << i, next)) return true;
    }
    order_.pop_back();
  }
  return false;
}

std::string History::Explanation() const {
  std::string text = "explained, in this order:\n";
  std::vector<bool> explained(operations_.size());
  for (const size_t i : longest_) {
    absl::StrAppend(&text, "  ", ToString(operations_[i]), "\n");
    explained[i] = true;
  }
  absl::StrAppend(&text, "not explained after these:\n");
  for (size_t i = 0; i < operations_.size(); ++i) {
    if (explained[i]) continue;
    absl::StrAppend(&text, "  ", ToString(operations_[i]), "\n");
  }
  return text;
}

}  // namespace mneme
