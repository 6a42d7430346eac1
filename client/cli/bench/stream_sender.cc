#include <utility>

#include "client/cli/bench/segment_sender.h"
#include "server/base/status_macros.h"

namespace mneme::cli {
namespace {

// The stream's own errors come by the handler's OnDone.
class StreamSender : public SegmentSender {
 public:
  explicit StreamSender(std::unique_ptr<client::SessionStream> stream)
      : stream_(std::move(stream)) {}

  void Send(const std::vector<int32_t>& tokens, bool flush) override {
    (flush ? stream_->WriteAndFlush(tokens) : stream_->Write(tokens))
        .IgnoreError();
  }
  void Finish() override { stream_->Finish().IgnoreError(); }
  void Cancel() override { stream_->Cancel(); }

 private:
  const std::unique_ptr<client::SessionStream> stream_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<SegmentSender>> MakeStreamSender(
    client::Client& client, client::StreamOptions options,
    client::StreamHandler* handler) {
  ASSIGN_OR_RETURN(std::unique_ptr<client::SessionStream> stream,
                   client.Stream(std::move(options), handler));
  return std::make_unique<StreamSender>(std::move(stream));
}

}  // namespace mneme::cli
