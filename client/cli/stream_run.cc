#include "client/cli/stream_run.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/explain.h"
#include "server/base/status_macros.h"

namespace mneme::cli {
namespace {

constexpr absl::Duration kTick = absl::Milliseconds(200);
constexpr size_t kNotesATick = 4;

}  // namespace

StreamRun::StreamRun(client::Client& client, const StreamArguments& arguments,
                     const Environment& environment, const StreamPlan& plan,
                     RecordFile& record)
    : client_(client),
      arguments_(arguments),
      environment_(environment),
      plan_(plan),
      progress_(environment.err, environment.terminal, plan.total_bytes),
      record_(record),
      sessions_(plan.sessions.size()) {
  totals_.model = plan.model.name;
  totals_.sessions = plan.sessions.size();
  totals_.memory_bytes = plan.memory_bytes;
}

absl::Status StreamRun::Run() {
  absl::Duration start = environment_.clock->Monotonic();
  absl::Status started = StartFeeds();
  if (!started.ok()) {
    for (auto& feed : feeds_) feed->Cancel();
  }
  WaitForSessions();
  {
    MutexLock lock(&mu_);
    totals_.elapsed = environment_.clock->Monotonic() - start;
  }
  RETURN_IF_ERROR(started);
  absl::Status error = FirstError();
  RETURN_IF_ERROR(record_.Close());
  return error;
}

absl::Status StreamRun::StartFeeds() {
  client::StreamOptions options;
  options.segment_size = plan_.model.segment_size;
  options.text = true;
  ASSIGN_OR_RETURN(options.outputs.names,
                   ChooseOutputs(arguments_, plan_.model));
  options.outputs.top_k = arguments_.top_k;
  options.priority = arguments_.priority;
  options.max_message_tokens = arguments_.chunk_bytes;
  options.window = arguments_.window;
  options.retry.retry_for = arguments_.retry_for;
  for (const ResumePoint& session : plan_.sessions) {
    ASSIGN_OR_RETURN(PartReader reader, PartReader::Open(session.rest));
    auto feed = std::make_unique<SessionFeed>(feeds_.size(), session,
                                              std::move(reader), this);
    RETURN_IF_ERROR(feed->Start(client_, options));
    feeds_.push_back(std::move(feed));
  }
  return absl::OkStatus();
}

void StreamRun::WaitForSessions() {
  const Clock& clock = *environment_.clock;
  absl::Duration start = clock.Monotonic();
  bool cancelled = false;
  for (bool ended = false; !ended;) {
    uint64_t tokens = 0;
    uint64_t segments = 0;
    {
      MutexLock lock(&mu_);
      absl::Duration deadline = clock.Monotonic() + kTick;
      while (ended_ < feeds_.size() && clock.Monotonic() < deadline) {
        environment_.clock->WaitUntil(lock, changed_, deadline);
      }
      ended = ended_ == feeds_.size();
      tokens = totals_.tokens;
      segments = totals_.segments;
    }
    PrintNotes();
    progress_.Update(tokens, segments, clock.Monotonic() - start);
    if (environment_.is_interrupted() && !std::exchange(cancelled, true)) {
      for (auto& feed : feeds_) feed->Cancel();
    }
  }
  for (auto& feed : feeds_) feed->Wait().IgnoreError();
  progress_.Finish();
}

void StreamRun::PrintNotes() {
  std::vector<std::string> notes;
  {
    MutexLock lock(&mu_);
    notes.swap(notes_);
  }
  size_t shown = std::min(notes.size(), kNotesATick);
  for (size_t i = 0; i < shown; ++i) progress_.Note(notes[i]);
  if (shown < notes.size()) {
    progress_.Note(absl::StrCat("mneme: and so for ", notes.size() - shown,
                                " other sessions"));
  }
}

absl::Status StreamRun::FirstError() const {
  MutexLock lock(&mu_);
  for (const Session& session : sessions_) RETURN_IF_ERROR(session.status);
  return absl::OkStatus();
}

RunTotals StreamRun::totals() const {
  MutexLock lock(&mu_);
  return totals_;
}

std::vector<ResumePoint> StreamRun::Rests() const {
  std::vector<ResumePoint> rests = plan_.sessions;
  for (size_t i = 0; i < feeds_.size(); ++i) rests[i] = feeds_[i]->Rest();
  return rests;
}

void StreamRun::OnSegment(size_t part, const client::SegmentResult& segment) {
  record_.Write(part, segment);
  MutexLock lock(&mu_);
  totals_.Add(segment);
  if (std::exchange(sessions_[part].retrying, false)) {
    notes_.push_back(absl::StrCat("mneme: session ", segment.handle.session_id,
                                  " goes on: step ", segment.handle.step, " (",
                                  ToString(segment.source), ")"));
  }
}

void StreamRun::OnRetry(size_t part, const absl::Status& error,
                        const client::MemoryHandle& from) {
  MutexLock lock(&mu_);
  ++totals_.retries;
  if (std::exchange(sessions_[part].retrying, true)) return;
  notes_.push_back(absl::StrCat(
      "mneme: ", absl::StatusCodeToString(error.code()), " (", error.message(),
      "); resuming from ", client::ToString(from)));
}

void StreamRun::OnDone(size_t part, const absl::Status& status) {
  {
    MutexLock lock(&mu_);
    ++ended_;
    sessions_[part].status = status;
    if (!status.ok() && !absl::IsCancelled(status)) {
      ++totals_.errors;
      notes_.push_back(absl::StrCat("mneme: session ",
                                    plan_.sessions[part].handle.session_id,
                                    ": ", Explain(status, client_.server())));
    }
  }
  changed_.notify_all();
}

}  // namespace mneme::cli
