#ifndef MNEME_CLIENT_CLI_RUN_TOTALS_H_
#define MNEME_CLIENT_CLI_RUN_TOTALS_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "client/cli/latency_histogram.h"
#include "client/segment_result.h"

namespace mneme::cli {

// What a run of `mneme stream` adds up to. Thread-compatible.
struct RunTotals {
  std::string model;
  uint64_t sessions = 0;
  uint64_t memory_bytes = 0;  // of one session
  absl::Duration elapsed;

  uint64_t segments = 0;
  uint64_t tokens = 0;
  uint64_t scored_tokens = 0;
  double nats = 0;  // of the scored tokens
  uint64_t batch_sizes = 0;
  uint64_t computed = 0;    // which a batch size was said of
  uint64_t kept = 0;        // answered again, as they were
  uint64_t recomputed = 0;  // answered again, computed anew
  uint64_t shared = 0;      // another session's, of the same tokens
  uint64_t retries = 0;
  uint64_t errors = 0;
  LatencyHistogram reply_times;

  void Add(const client::SegmentResult& segment);

  // Bits for each scored token, which is a byte; nothing when none was scored
  // (a session's first token never is).
  absl::optional<double> BitsPerByte() const;
  double TokensPerSecond() const;
  double MeanBatchSize() const;

  // The closing table, for people.
  std::string Table() const;
  // One JSON object on one line. bits_per_byte is null when nothing was scored.
  std::string Json() const;
};

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_RUN_TOTALS_H_
