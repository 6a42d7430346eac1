#include "client/session_stream.h"

#include <utility>

#include "client/stream_core.h"

namespace mneme::client {

SessionStream::SessionStream(std::shared_ptr<StreamCore> core,
                             std::shared_ptr<const void> channel)
    : channel_(std::move(channel)), core_(std::move(core)) {}

SessionStream::~SessionStream() {
  core_->Cancel();
  core_->Wait().IgnoreError();
}

absl::Status SessionStream::Write(absl::Span<const int32_t> tokens) {
  return core_->Write(tokens);
}

absl::Status SessionStream::WriteText(absl::string_view text) {
  std::vector<int32_t> tokens;
  tokens.reserve(text.size());
  for (char c : text) tokens.push_back(static_cast<unsigned char>(c));
  return core_->Write(tokens);
}

absl::Status SessionStream::WriteAndFlush(absl::Span<const int32_t> tokens) {
  return core_->Write(tokens, /*flush=*/true);
}

size_t SessionStream::Room() const { return core_->Room(); }

absl::Status SessionStream::WaitForRoom(size_t tokens) {
  return core_->WaitForRoom(tokens);
}

absl::Status SessionStream::Flush() { return core_->Flush(); }

absl::Status SessionStream::Finish() { return core_->Finish(); }

void SessionStream::Cancel() { core_->Cancel(); }

absl::Status SessionStream::Wait() { return core_->Wait(); }

MemoryHandle SessionStream::durable() const { return core_->durable(); }

MemoryHandle SessionStream::head() const { return core_->head(); }

}  // namespace mneme::client
