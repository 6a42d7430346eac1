#ifndef MNEME_TESTS_INTEGRATION_ORACLE_STREAM_H_
#define MNEME_TESTS_INTEGRATION_ORACLE_STREAM_H_

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "client/client.h"
#include "client/session_stream.h"
#include "server/base/mutex.h"

namespace mneme {

// Seeded tokens of the oracle's vocabulary.
std::vector<int32_t> OracleTokens(uint64_t seed, size_t count);

// One session of a model of the oracle family, streamed by the real client.
// Whatever happens to the server and the connection, the test fails unless each
// step is delivered once, in order, with the oracle's state after every token
// so far. Thread-safe, but for Write and Finish: one thread.
class OracleStream : public client::StreamHandler {
 public:
  // A client of the server at `address` that tries again soon, and for long.
  static std::unique_ptr<client::Client> Connect(const std::string& address);
  // Segments of `segment`, their states; for `at` to be set.
  static client::StreamOptions Options(uint32_t segment);
  // The same for a new session `id`.
  static client::StreamOptions OpenSession(client::Client& client,
                                           const std::string& id,
                                           uint32_t segment);

  // Streams from options.at, to which the tokens `before` led.
  OracleStream(client::Client& client, client::StreamOptions options,
               std::vector<int32_t> before = {});

  void Write(const std::vector<int32_t>& tokens) ABSL_LOCKS_EXCLUDED(mu_);
  // Flushes, finishes, waits for the end, and checks that it is OK and that
  // every token was answered.
  void Finish() ABSL_LOCKS_EXCLUDED(mu_);
  void Cancel() { stream_->Cancel(); }
  absl::Status Wait() { return stream_->Wait(); }

  // These return also when the stream has ended.
  void AwaitStep(uint64_t step) ABSL_LOCKS_EXCLUDED(mu_);
  // Until there were so many replies, whether they completed segments or not,
  // and so many retries, since the start.
  void AwaitReplies(int count) ABSL_LOCKS_EXCLUDED(mu_);
  void AwaitRetries(size_t count) ABSL_LOCKS_EXCLUDED(mu_);
  int replies() const ABSL_LOCKS_EXCLUDED(mu_);

  client::MemoryHandle durable() const { return stream_->durable(); }
  // Written so far, those before the stream too.
  std::vector<int32_t> tokens() const ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<absl::Status> retries() const ABSL_LOCKS_EXCLUDED(mu_);
  // Of each step delivered.
  std::vector<client::ResultSource> sources() const ABSL_LOCKS_EXCLUDED(mu_);

  void OnSegment(const client::SegmentResult& segment) override
      ABSL_LOCKS_EXCLUDED(mu_);
  void OnRoom() override ABSL_LOCKS_EXCLUDED(mu_);
  void OnRetry(const absl::Status& error, const client::MemoryHandle& from,
               absl::Duration delay) override ABSL_LOCKS_EXCLUDED(mu_);
  void OnDone(const absl::Status& status) override ABSL_LOCKS_EXCLUDED(mu_);

 private:
  const std::string id_;
  mutable Mutex mu_;
  std::condition_variable changed_;
  std::vector<int32_t> tokens_ ABSL_GUARDED_BY(mu_);
  size_t answered_ ABSL_GUARDED_BY(mu_);  // of the tokens
  int64_t state_ ABSL_GUARDED_BY(mu_);    // after these
  uint64_t step_ ABSL_GUARDED_BY(mu_);
  int replies_ ABSL_GUARDED_BY(mu_) = 0;
  int done_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<absl::Status> retries_ ABSL_GUARDED_BY(mu_);
  std::vector<client::ResultSource> sources_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<client::SessionStream> stream_;  // last: it calls the rest
};

}  // namespace mneme

#endif  // MNEME_TESTS_INTEGRATION_ORACLE_STREAM_H_
