#include "tests/server/session/linearizability_client.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/base/error_info.h"
#include "tests/testing/fake_model.h"
#include "tests/testing/pending.h"

namespace mneme {
namespace {

using Kind = Operation::Kind;
using Outcome = Operation::Outcome;

constexpr size_t kMostSessions = 5;

SessionKey Key(const std::string& id) { return {"default", id}; }

RetainedStep StepOf(const MemoryHandle& handle, const std::string& id) {
  EXPECT_EQ(handle.session_id, id);
  return {handle.step, handle.digest};
}

SegmentAnswer AnswerOf(const AppliedSegment& segment, const std::string& id) {
  SegmentAnswer answer;
  answer.step = StepOf(segment.handle, id);
  answer.is_new = segment.source == SegmentSource::kComputed ||
                  segment.source == SegmentSource::kShared;
  if (segment.outputs.empty()) return answer;
  answer.sum = Int64s(segment.outputs[0]).back();
  if (segment.source != SegmentSource::kRecomputed) {
    answer.kept = Int64s(segment.outputs[1]).back();
  }
  return answer;
}

}  // namespace

void RacedSessions::Add(Member member) {
  MutexLock lock(&mu_);
  members_.push_back(std::move(member));
}

std::vector<RacedSessions::Member> RacedSessions::all() const {
  MutexLock lock(&mu_);
  return members_;
}

void RacingClient::Make(int calls) {
  for (int i = 0; i < calls; ++i) {
    Belief& belief = Pick();
    const uint32_t what = Draw(10);
    if (what < 2) {
      Rollback(belief);
    } else if (what < 4 && sessions_->all().size() < kMostSessions) {
      Fork(belief);
    } else {
      Process(belief);
    }
  }
}

RacingClient::Belief& RacingClient::Pick() {
  const std::vector<RacedSessions::Member> all = sessions_->all();
  const auto& [start, parent] = all[Draw(all.size())];
  Belief& belief = beliefs_[start.session_id];
  if (!belief.handles.empty()) return belief;
  belief = {start.session_id, start, {start}};
  // What the parent had is worth a try.
  const auto known = beliefs_.find(parent);
  if (known == beliefs_.end()) return belief;
  for (MemoryHandle handle : known->second.handles) {
    handle.session_id = belief.id;
    belief.handles.push_back(std::move(handle));
  }
  return belief;
}

// One of two scripts, so that others take the same steps, or its own tokens.
void RacingClient::Process(Belief& belief) {
  Operation call;
  call.kind = Kind::kProcess;
  const MemoryHandle& at = Draw(6) == 0 ? DrawHandle(belief) : belief.head;
  call.value = StepOf(at, belief.id);
  const bool is_own = Draw(4) == 0;
  const auto what =
      is_own ? 100 + static_cast<int32_t>(Draw(100)) : (Draw(4) == 0 ? 1 : 0);
  for (uint32_t i = 0, end = 1 + Draw(3); i < end; ++i) {
    call.segments.push_back({what, static_cast<int32_t>(at.step + i) % 256,
                             is_own ? name_.back() : 0, 7});
  }
  const bool asks = Draw(5) > 0;
  SendUntilAnswered(belief, [&] { return SendProcess(call, asks, belief); });
}

void RacingClient::Rollback(Belief& belief) {
  Operation call;
  call.kind = Kind::kRollback;
  call.value = StepOf(DrawHandle(belief), belief.id);
  if (Draw(3) > 0) call.expected_head = StepOf(belief.head, belief.id);
  SendUntilAnswered(belief, [&] { return SendRollback(call, belief); });
}

void RacingClient::Fork(Belief& belief) {
  Operation call;
  call.kind = Kind::kFork;
  if (Draw(2) > 0) call.value = StepOf(DrawHandle(belief), belief.id);
  const std::string fork = absl::StrCat(name_, ".", operations_.size());
  std::optional<RetainedStep> made;
  SendUntilAnswered(belief, [&] {
    Operation sent = SendFork(call, fork, belief);
    if (sent.outcome == Outcome::kOk) {
      EXPECT_FALSE(made.has_value()) << fork << " was made twice";
      made = sent.head;
    }
    EXPECT_TRUE(sent.outcome != Outcome::kExists || made.has_value()) << fork;
    return sent;
  });
  // As of a fork whose reply was lost.
  const absl::StatusOr<SessionInfo> info = manager_->Get(Key(fork));
  ASSERT_EQ(info.ok(), made.has_value()) << fork << ": " << info.status();
  if (!info.ok()) return;
  EXPECT_EQ(StepOf(info->head.handle, fork), *made);
  EXPECT_EQ(info->retained.size(), 1u);
  sessions_->Add({info->head.handle, belief.id});
}

template <typename Send>
void RacingClient::SendUntilAnswered(const Belief& belief, const Send& send) {
  bool lost = true;
  while (lost) {
    const int64_t sent = sessions_->Tick();
    Operation operation = send();
    operation.sent = sent;
    operation.answered = sessions_->Tick();
    lost = operation.outcome == Outcome::kCancelled || Draw(4) == 0;
    operations_.emplace_back(belief.id, std::move(operation));
  }
}

Operation RacingClient::SendProcess(Operation call, bool asks, Belief& belief) {
  SegmentRequest request;
  request.at =
      Position{{belief.id, call.value->step, call.value->digest}, /*tail=*/0};
  for (const auto& segment : call.segments) {
    request.tokens.insert(request.tokens.end(), segment.begin(), segment.end());
  }
  if (asks) request.outputs.names = {"sum", "noise"};
  const auto cursor = std::make_shared<Cursor>();
  Pending<absl::StatusOr<SegmentReply>> reply;
  manager_->Process(Key(belief.id), cursor, std::move(request), reply.Setter());
  CancelSometime(*cursor, belief);
  const absl::StatusOr<SegmentReply> answer = reply.Get();
  if (answer.ok()) {
    ReadReply(*answer, call, belief);
  } else {
    ReadRefusal(answer.status(), call, belief);
  }
  return call;
}

void RacingClient::ReadReply(const SegmentReply& reply, Operation& call,
                             Belief& belief) {
  call.head = StepOf(reply.head.handle, belief.id);
  EXPECT_EQ(reply.head.tail, 0u);
  for (const AppliedSegment& segment : reply.segments) {
    call.answers.push_back(AnswerOf(segment, belief.id));
    Learn(segment.handle, belief);
  }
  Learn(reply.head.handle, belief);
}

Operation RacingClient::SendRollback(Operation call, Belief& belief) {
  std::optional<MemoryHandle> expected;
  if (call.expected_head.has_value()) {
    expected = {belief.id, call.expected_head->step,
                call.expected_head->digest};
  }
  const auto cursor = std::make_shared<Cursor>();
  Pending<absl::StatusOr<SessionInfo>> reply;
  manager_->Rollback(Key(belief.id), cursor,
                     {belief.id, call.value->step, call.value->digest},
                     expected, reply.Setter());
  CancelSometime(*cursor, belief);
  const absl::StatusOr<SessionInfo> info = reply.Get();
  if (info.ok()) {
    call.head = StepOf(info->head.handle, belief.id);
    for (const MemoryHandle& handle : info->retained) {
      call.retained.push_back(StepOf(handle, belief.id));
    }
    Learn(info->head.handle, belief);
  } else {
    ReadRefusal(info.status(), call, belief);
  }
  return call;
}

Operation RacingClient::SendFork(Operation call, const std::string& fork,
                                 Belief& belief) {
  std::optional<MemoryHandle> from;
  if (call.value.has_value()) {
    from = {belief.id, call.value->step, call.value->digest};
  }
  const auto cursor = std::make_shared<Cursor>();
  Pending<absl::StatusOr<SessionInfo>> reply;
  manager_->Fork(Key(belief.id), cursor, from, fork, reply.Setter());
  CancelSometime(*cursor, belief);
  const absl::StatusOr<SessionInfo> info = reply.Get();
  if (info.ok()) {
    call.head = StepOf(info->head.handle, fork);
  } else {
    ReadRefusal(info.status(), call, belief);
  }
  return call;
}

void RacingClient::ReadRefusal(const absl::Status& status, Operation& call,
                               Belief& belief) {
  const ErrorInfo info = GetErrorInfo(status);
  if (absl::IsCancelled(status)) {
    call.outcome = Outcome::kCancelled;
  } else if (absl::IsAlreadyExists(status)) {
    call.outcome = Outcome::kExists;
  } else if (info.reason == "NOT_RETAINED") {
    call.outcome = Outcome::kNotRetained;
  } else {
    call.outcome = Outcome::kConflict;
    ASSERT_EQ(info.reason, "VERSION_CONFLICT") << status;
    const auto head = MemoryHandle::Parse(info.metadata.at("head"));
    ASSERT_TRUE(head.ok()) << head.status();
    call.head = StepOf(*head, belief.id);
    Learn(*head, belief);
  }
}

// At once, or when some more of the call may have been done.
void RacingClient::CancelSometime(Cursor& cursor, const Belief& belief) {
  if (Draw(5) > 0) return;
  for (uint32_t looks = Draw(16); looks > 0; --looks) {
    EXPECT_TRUE(manager_->Get(Key(belief.id)).ok());
  }
  cursor.cancelled = true;
}

void RacingClient::Learn(const MemoryHandle& head, Belief& belief) {
  belief.head = head;
  belief.handles.push_back(head);
}

}  // namespace mneme
