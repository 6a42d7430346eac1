#include "client/cli/bench/line_totals.h"

#include <algorithm>

namespace mneme::cli {
namespace {

double PerSecond(uint64_t count, absl::Duration elapsed) {
  const double seconds = absl::ToDoubleSeconds(elapsed);
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

}  // namespace

void LineTotals::End(absl::Duration end) {
  if (!ended()) end_ = end;
}

void LineTotals::Answered(const SegmentTimes& times,
                          const client::SegmentResult& segment) {
  if (InWindow(times.due)) latency.Add(times.latency());
  if (InWindow(times.sent)) service.Add(times.service());
  if (!InWindow(times.answered) || Full()) return;
  Time(segment);
  ++segments;
  tokens += segment.num_tokens;
  if (segment.source == client::ResultSource::kKept) ++kept;
  if (segment.source == client::ResultSource::kRecomputed) ++recomputed;
  if (segment.source == client::ResultSource::kShared) ++shared;
  if (Full()) End(times.answered);
}

void LineTotals::Time(const client::SegmentResult& segment) {
  commit.Add(segment.commit_time);
  if (segment.batch_size == 0) return;
  batch_sizes_ += segment.batch_size;
  ++computed_;
  queue.Add(segment.queue_time);
  device.Add(segment.device_time);
}

void LineTotals::Unanswered(const SegmentTimes& times) {
  if (!InWindow(times.due)) return;
  ++unanswered;
  latency.Add(times.latency());
}

void LineTotals::Failed(const absl::Status& error, uint64_t failed,
                        absl::Duration now) {
  if (first_error.ok()) first_error = error;
  if (!InWindow(now) || Full()) return;
  errors[error.code()] += failed;
  if (Full()) End(now);
}

void LineTotals::Retried(absl::Duration now) {
  if (InWindow(now)) ++retries;
}

void LineTotals::Reopened(absl::Duration now) {
  if (InWindow(now)) ++sessions_reopened;
}

void LineTotals::Noticed(absl::Duration due, absl::Duration now) {
  if (InWindow(due)) lag.Add(now - due);
}

absl::Duration LineTotals::elapsed() const {
  if (!ended()) return absl::ZeroDuration();
  return std::max(end_ - begin_, absl::ZeroDuration());
}

double LineTotals::SegmentsPerSecond() const {
  return PerSecond(segments, elapsed());
}

double LineTotals::TokensPerSecond() const {
  return PerSecond(tokens, elapsed());
}

double LineTotals::MeanBatchSize() const {
  if (computed_ == 0) return 0;
  return static_cast<double>(batch_sizes_) / static_cast<double>(computed_);
}

uint64_t LineTotals::error_count() const {
  uint64_t count = 0;
  for (const auto& [code, n] : errors) count += n;
  return count;
}

}  // namespace mneme::cli
