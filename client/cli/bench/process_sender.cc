#include <atomic>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/bench/segment_sender.h"
#include "client/retry_policy.h"

namespace mneme::cli {
namespace {

// Belongs to one thread at a time, but for Cancel(): to the one that sends,
// then to the one that brings the answer or fires the timer.
class ProcessSender : public SegmentSender {
 public:
  ProcessSender(client::Client& client, client::Timer& timer,
                const client::StreamOptions& options,
                client::StreamHandler* handler)
      : client_(client),
        timer_(timer),
        handler_(handler),
        policy_(options.retry) {
    message_.at = options.at;
    message_.outputs = options.outputs;
  }

  void Send(const std::vector<int32_t>& tokens, bool flush) override {
    message_.tokens = tokens;
    message_.flush_tail = absl::nullopt;
    if (flush) message_.flush_tail = static_cast<uint32_t>(tokens.size());
    Call();
  }

  void Finish() override { handler_->OnDone(absl::OkStatus()); }

  // A call that has begun is waited for, but not tried again.
  void Cancel() override { cancelled_ = true; }

 private:
  void Call() {
    client_.Process(message_,
                    [this](const absl::StatusOr<client::StreamReply>& reply) {
                      OnReply(reply);
                    });
  }

  // The handler may send the next or finish: nothing of this is used after.
  void OnReply(const absl::StatusOr<client::StreamReply>& reply) {
    if (!reply.ok()) return OnError(reply.status());
    if (reply->segments.size() != 1) {
      return handler_->OnDone(absl::InternalError(
          absl::StrCat("the server made ", reply->segments.size(),
                       " segments of a message that is one")));
    }
    policy_.Progress();
    message_.at = reply->next.handle;
    handler_->OnSegment(reply->segments[0]);
  }

  void OnError(const absl::Status& error) {
    const auto delay = policy_.NextDelay(error, timer_.Now());
    if (cancelled_) return OnCancelled();
    if (!delay.has_value()) return handler_->OnDone(error);
    handler_->OnRetry(error, message_.at, *delay);
    timer_.RunAfter(*delay, [this] { cancelled_ ? OnCancelled() : Call(); });
  }

  void OnCancelled() {
    handler_->OnDone(absl::CancelledError("the session was cancelled"));
  }

  client::Client& client_;
  client::Timer& timer_;
  client::StreamHandler* const handler_;
  client::RetryPolicy policy_;
  client::SegmentMessage message_;
  std::atomic<bool> cancelled_{false};
};

}  // namespace

std::unique_ptr<SegmentSender> MakeProcessSender(
    client::Client& client, client::Timer& timer,
    const client::StreamOptions& options, client::StreamHandler* handler) {
  return std::make_unique<ProcessSender>(client, timer, options, handler);
}

}  // namespace mneme::cli
