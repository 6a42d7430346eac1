#ifndef MNEME_CLIENT_CLI_RECORD_FILE_H_
#define MNEME_CLIENT_CLI_RECORD_FILE_H_

#include <cstddef>
#include <fstream>
#include <string>

#include "absl/status/status.h"
#include "client/segment_result.h"
#include "server/base/mutex.h"

namespace mneme::cli {

// A segment as one line of JSON: session, part, step, digest (hex), tokens,
// source, batch_size, the times in microseconds, argmax and log_probs where
// they were asked for (NaN is null). The session's order is kept, sessions
// interleave.
std::string RecordLine(size_t part, const client::SegmentResult& segment);

// The file that --record names. Thread-safe: the streams of all sessions write.
class RecordFile {
 public:
  // Without a path nothing is written.
  absl::Status Open(const std::string& path) ABSL_LOCKS_EXCLUDED(mu_);
  void Write(size_t part, const client::SegmentResult& segment)
      ABSL_LOCKS_EXCLUDED(mu_);
  // DATA_LOSS if a line could not be written.
  absl::Status Close() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  Mutex mu_;
  std::string path_ ABSL_GUARDED_BY(mu_);
  std::ofstream stream_ ABSL_GUARDED_BY(mu_);
};

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_RECORD_FILE_H_
