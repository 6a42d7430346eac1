#include "model/memory/rmt_batch.h"

#include <algorithm>
#include <numeric>

#include "model/memory/row_checks.h"

namespace mneme {
namespace {

std::vector<size_t> LongestFirst(absl::Span<const StepRow> rows) {
  std::vector<size_t> order(rows.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&rows](size_t a, size_t b) {
    return rows[a].tokens.size() > rows[b].tokens.size();
  });
  return order;
}

}  // namespace

RmtBatch RmtBatch::Of(absl::Span<const StepRow> rows,
                      const std::vector<int64_t>& slots, int64_t initial) {
  RmtBatch batch;
  batch.order = LongestFirst(rows);
  int64_t most_read = 1;
  for (const size_t i : batch.order) {
    const StepRow& row = rows[i];
    batch.rows.push_back({static_cast<int64_t>(batch.ids.size()), row.tokens,
                          row.fresh,
                          WantsOutputs(row) ? row.request : nullptr});
    if (row.save) batch.saved_rows.push_back(batch.rows.size() - 1);
    most_read = std::max(most_read, TokensRead(batch.rows.back()));
    batch.slots.push_back(slots[i]);
    batch.memory_slots.push_back(row.reset_memory ? initial : slots[i]);
    batch.lengths.push_back(static_cast<int64_t>(row.tokens.size()));
    batch.ids.insert(batch.ids.end(), row.tokens.begin(), row.tokens.end());
    batch.needs_carried |= NeedsCarried(batch.rows.back());
  }
  batch.PlaceReads(most_read);
  return batch;
}

void RmtBatch::PlaceReads(int64_t most_read) {
  const bool few = most_read <= kFewRead && kFewRead < lengths.back();
  read = few ? kFewRead : 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    LanguageRow& row = rows[i];
    const int64_t length = lengths[i];
    if (read > 0) {
      row.begin = (static_cast<int64_t>(i) + 1) * read - length;
    }
    last.push_back(row.begin + length - 1);
  }
}

}  // namespace mneme
