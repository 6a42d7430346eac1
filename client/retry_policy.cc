#include "client/retry_policy.h"

#include <algorithm>

#include "absl/random/distributions.h"
#include "client/error.h"

namespace mneme::client {
namespace {

constexpr double kJitter = 0.2;

}  // namespace

absl::optional<absl::Duration> RetryPolicy::NextDelay(const absl::Status& error,
                                                      absl::Duration now) {
  if (options_.retry_for <= absl::ZeroDuration()) return absl::nullopt;
  switch (error.code()) {
    case absl::StatusCode::kAborted:
      if (conflicts_++ > 0) return absl::nullopt;
      return absl::ZeroDuration();
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return Backoff(error, now);
    case absl::StatusCode::kResourceExhausted: {
      ErrorDetails details = DetailsOf(error);
      if (!details.retry_delay && details.reason != "QUEUE_FULL") {
        return absl::nullopt;
      }
      return Backoff(error, now);
    }
    case absl::StatusCode::kInternal:
      if (!DetailsOf(error).reason.empty()) return absl::nullopt;
      return Backoff(error, now);
    default:
      return absl::nullopt;
  }
}

absl::optional<absl::Duration> RetryPolicy::Backoff(const absl::Status& error,
                                                    absl::Duration now) {
  if (failures_ == 0) failing_since_ = now;
  ErrorDetails details = DetailsOf(error);
  absl::Duration least = details.retry_delay.value_or(absl::ZeroDuration());
  absl::Duration delay = options_.initial_backoff;
  if (absl::IsResourceExhausted(error) && details.retry_delay) delay = least;
  for (int i = 0; i < failures_ && delay < options_.max_backoff; ++i) {
    delay *= 2;
  }
  delay = std::max(least, std::min(delay, options_.max_backoff));
  delay *= absl::Uniform(bits_, 1.0, 1.0 + kJitter);
  if (now + delay - failing_since_ > options_.retry_for) return absl::nullopt;
  ++failures_;
  return delay;
}

}  // namespace mneme::client
