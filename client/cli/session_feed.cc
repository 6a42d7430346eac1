#include "client/cli/session_feed.h"

#include "server/base/status_macros.h"

namespace mneme::cli {

absl::Status SessionFeed::Start(client::Client& client,
                                client::StreamOptions options) {
  options.at = start_.handle;
  ASSIGN_OR_RETURN(stream_, client.Stream(std::move(options), this));
  OnRoom();
  return absl::OkStatus();
}

ResumePoint SessionFeed::Rest() const {
  ResumePoint rest = start_;
  rest.handle = stream_->durable();
  MutexLock lock(&mu_);
  for (const Mark& mark : marks_) {
    if (mark.step == rest.handle.step) rest.rest.begin = mark.position;
  }
  return rest;
}

void SessionFeed::OnSegment(const client::SegmentResult& segment) {
  Note(segment);
  observer_->OnSegment(part_, segment);
}

void SessionFeed::OnRoom() {
  bool failed = false;
  {
    MutexLock lock(&mu_);
    if (finished_) return;
    read_error_ = Feed();
    failed = !read_error_.ok();
    finished_ = finished_ || failed;
  }
  if (failed) stream_->Cancel();
}

void SessionFeed::OnRetry(const absl::Status& error,
                          const client::MemoryHandle& from,
                          absl::Duration /*delay*/) {
  observer_->OnRetry(part_, error, from);
}

void SessionFeed::OnDone(const absl::Status& status) {
  absl::Status reason = status;
  {
    MutexLock lock(&mu_);
    if (!read_error_.ok()) reason = read_error_;
  }
  observer_->OnDone(part_, reason);
}

absl::Status SessionFeed::Feed() {
  for (size_t room = stream_->Room(); room > 0 && !reader_.at_end();
       room = stream_->Room()) {
    ASSIGN_OR_RETURN(std::string text, reader_.Read(room));
    if (!stream_->WriteText(text).ok()) return absl::OkStatus();
  }
  if (!reader_.at_end()) return absl::OkStatus();
  finished_ = true;
  stream_->Flush().IgnoreError();
  stream_->Finish().IgnoreError();
  return absl::OkStatus();
}

void SessionFeed::Note(const client::SegmentResult& segment) {
  uint64_t durable = stream_->durable().step;
  MutexLock lock(&mu_);
  uint64_t position =
      marks_.empty() ? start_.rest.begin : marks_.back().position;
  marks_.push_back({segment.handle.step, position + segment.num_tokens});
  while (marks_.size() > 1 && marks_.front().step < durable) {
    marks_.pop_front();
  }
}

}  // namespace mneme::cli
