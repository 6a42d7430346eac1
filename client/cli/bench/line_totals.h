#ifndef MNEME_CLIENT_CLI_BENCH_LINE_TOTALS_H_
#define MNEME_CLIENT_CLI_BENCH_LINE_TOTALS_H_

#include <cstdint>
#include <map>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/cli/bench/segment_queue.h"
#include "client/cli/latency_histogram.h"
#include "client/segment_result.h"

namespace mneme::cli {

// What one measured line of a bench adds up to. Counted is what happened in the
// line's window, [begin, end). Latency is of every segment that was due in it,
// service of every one that was sent in it, whenever it was answered: what is
// slowest at the end is not left out. Thread-compatible.
class LineTotals {
 public:
  // `limit`: so many answers and errors end the window by themselves; 0: none.
  explicit LineTotals(uint64_t limit = 0) : limit_(limit) {}

  // Times before are the warm-up.
  void Begin(absl::Duration begin) { begin_ = begin; }
  // The window ends, once.
  void End(absl::Duration end);
  bool ended() const { return end_ != absl::InfiniteDuration(); }

  void Answered(const SegmentTimes& times,
                const client::SegmentResult& segment);
  // It was due and is given up at times.answered: it would have taken at least
  // as long.
  void Unanswered(const SegmentTimes& times);
  void Failed(const absl::Status& error, uint64_t segments, absl::Duration now);
  void Retried(absl::Duration now);
  void Reopened(absl::Duration now);
  // An arrival that was due at `due` was only looked at now: what the bench
  // itself adds to its latency.
  void Noticed(absl::Duration due, absl::Duration now);

  absl::Duration elapsed() const;
  double SegmentsPerSecond() const;
  double TokensPerSecond() const;
  double MeanBatchSize() const;
  uint64_t error_count() const;

  // Counted.
  uint64_t segments = 0;
  uint64_t tokens = 0;
  uint64_t kept = 0;
  uint64_t recomputed = 0;
  uint64_t shared = 0;
  uint64_t retries = 0;
  uint64_t sessions_reopened = 0;
  std::map<absl::StatusCode, uint64_t> errors;
  // The server's own times of what was counted and computed (commit: of shared
  // ones too).
  LatencyHistogram queue;
  LatencyHistogram device;
  LatencyHistogram commit;
  // Nothing of a failed segment.
  uint64_t unanswered = 0;   // of those due
  LatencyHistogram latency;  // since it was due
  LatencyHistogram service;  // since it was sent; answered ones only
  LatencyHistogram lag;      // of the bench
  // Of all in the line, warm-up too: why nothing was answered.
  absl::Status first_error;

 private:
  bool InWindow(absl::Duration time) const {
    return begin_ <= time && time < end_;
  }
  bool Full() const { return limit_ > 0 && segments + error_count() >= limit_; }
  void Time(const client::SegmentResult& segment);

  uint64_t limit_;
  absl::Duration begin_ = absl::InfiniteDuration();
  absl::Duration end_ = absl::InfiniteDuration();
  uint64_t batch_sizes_ = 0;
  uint64_t computed_ = 0;
};

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_BENCH_LINE_TOTALS_H_
