#ifndef MNEME_CLIENT_RETRY_POLICY_H_
#define MNEME_CLIENT_RETRY_POLICY_H_

#include "absl/random/random.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"

namespace mneme::client {

struct RetryOptions {
  // How long a stream tries again without getting further. Zero: never.
  absl::Duration retry_for = absl::Seconds(30);
  // The first wait, doubled after each failure up to the largest, and made up
  // to a fifth longer at random. A server's RetryInfo is the least wait.
  absl::Duration initial_backoff = absl::Milliseconds(100);
  absl::Duration max_backoff = absl::Seconds(2);
};

// Decides whether, and when, a stream whose call ended is opened again from its
// last durable handle. Thread-compatible; one for each stream.
//
//   UNAVAILABLE, DEADLINE_EXCEEDED  after the backoff
//   INTERNAL             the same, if it has no reason: no server wrote it, so
//                        say proxies (Envoy) that they lost the server
//   RESOURCE_EXHAUSTED   after the server's RetryInfo; QUEUE_FULL also without
//   ABORTED              at once, but only once until the stream gets further:
//                        the stream may have met its own half-applied message.
//                        The second time somebody else wrote to the session.
//   all others           never
class RetryPolicy {
 public:
  explicit RetryPolicy(RetryOptions options) : options_(options) {}

  // The stream got further than ever before.
  void Progress() {
    failures_ = 0;
    conflicts_ = 0;
  }

  // The wait before the next attempt, or nothing: the error is final.
  absl::optional<absl::Duration> NextDelay(const absl::Status& error,
                                           absl::Duration now);

 private:
  absl::optional<absl::Duration> Backoff(const absl::Status& error,
                                         absl::Duration now);

  const RetryOptions options_;
  int failures_ = 0;
  int conflicts_ = 0;
  absl::Duration failing_since_;
  absl::BitGen bits_;
};

}  // namespace mneme::client

#endif  // MNEME_CLIENT_RETRY_POLICY_H_
