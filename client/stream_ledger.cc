#include "client/stream_ledger.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"

namespace mneme::client {
namespace {

template <typename... Args>
absl::Status Nonsense(const Args&... what) {
  return absl::InternalError(
      absl::StrCat("the server's reply does not fit the stream: ", what...));
}

}  // namespace

void StreamLedger::BeginCall() {
  kept_.Rewind();
  in_flight_.clear();
  answered_ = {resume_.step, 0};
}

absl::optional<KeptInput::Message> StreamLedger::Send(size_t max_tokens,
                                                      absl::Duration now) {
  auto message = kept_.Next(max_tokens);
  if (message) in_flight_.push_back({now, message->end});
  return message;
}

absl::Status StreamLedger::Accept(StreamReply& reply, absl::Duration now) {
  if (in_flight_.empty()) return Nonsense("it answers no message");
  Sent sent = in_flight_.front();
  in_flight_.pop_front();
  RETURN_IF_ERROR(CheckPlace(reply, sent));
  TakeFresh(reply.segments, now - sent.time);
  answered_ = sent.end;
  if (farthest_ < answered_) {
    farthest_ = answered_;
    progress_ = true;
  }
  if (head_.step < reply.next.handle.step) head_ = reply.next.handle;
  MoveDurable(reply);
  return absl::OkStatus();
}

bool StreamLedger::TakeProgress() { return std::exchange(progress_, false); }

absl::Status StreamLedger::CheckPlace(const StreamReply& reply,
                                      const Sent& sent) const {
  // In a replay, behind the head, a server may count the tail as not accepted.
  const Position& next = reply.next;
  bool behind = next.handle.step < reply.head.step && next.tail == 0;
  if (next.handle.step != sent.end.step ||
      (next.tail != sent.end.offset && !behind)) {
    return Nonsense("it ends at step ", next.handle.step, " with a tail of ",
                    next.tail, ", where step ", sent.end.step,
                    " with a tail of ", sent.end.offset, " was expected");
  }
  if (reply.segments.size() != sent.end.step - answered_.step) {
    return Nonsense(reply.segments.size(), " segments, expected ",
                    sent.end.step - answered_.step);
  }
  for (size_t i = 0; i < reply.segments.size(); ++i) {
    const MemoryHandle& handle = reply.segments[i].handle;
    if (handle.step != answered_.step + i + 1) {
      return Nonsense("step ", handle.step, ", expected ",
                      answered_.step + i + 1);
    }
    auto known = digests_.find(handle.step);
    if (known != digests_.end() && known->second != handle.digest) {
      return Nonsense("step ", handle.step, " has another digest than before");
    }
  }
  return absl::OkStatus();
}

void StreamLedger::TakeFresh(std::vector<SegmentResult>& segments,
                             absl::Duration reply_time) {
  std::vector<SegmentResult> fresh;
  for (SegmentResult& segment : segments) {
    if (segment.handle.step <= delivered_) continue;
    delivered_ = segment.handle.step;
    digests_[delivered_] = segment.handle.digest;
    segment.reply_time = reply_time;
    fresh.push_back(std::move(segment));
  }
  segments = std::move(fresh);
}

void StreamLedger::MoveDurable(const StreamReply& reply) {
  const MemoryHandle& reached = reply.durable.step < reply.next.handle.step
                                    ? reply.durable
                                    : reply.next.handle;
  if (reached.step <= resume_.step) return;
  resume_ = reached;
  kept_.ForgetBefore(resume_.step);
  digests_.erase(digests_.begin(), digests_.upper_bound(resume_.step));
}

}  // namespace mneme::client
