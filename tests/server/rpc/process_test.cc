#include <chrono>

#include "server/rpc/segment_process.h"
#include "tests/server/rpc/server_fixture.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/pending.h"

namespace mneme {
namespace {

using ::testing::HasSubstr;

// A unary call under way.
struct AsyncCall {
  grpc::ClientContext context;
  v1::SegmentRequest request;
  v1::SegmentReply reply;
  Pending<grpc::Status> status;
};

class ProcessTest : public ServerFixture {
 protected:
  void SetUp() override {
    clock_ = &fake_clock_;
    config_.queue_per_session = 1;
    Start();
  }

  std::unique_ptr<AsyncCall> Send(const v1::SegmentRequest& request) {
    auto call = std::make_unique<AsyncCall>();
    call->request = request;
    segments_->async()->Process(&call->context, &call->request, &call->reply,
                                call->status.Setter());
    return call;
  }

  // Sends four segments and leaves while the second is on the device: that one
  // commits, the others are dropped.
  void CancelInItsSecondSegment(const std::string& id) {
    model_->HoldAfter(1);
    const auto call = Send(Request(id, Range(0, 16)));
    model_->AwaitHeld();
    call->context.TryCancel();
    EXPECT_EQ(call->status.Get().error_code(), grpc::StatusCode::CANCELLED);
    AwaitMetric("mneme_calls", 0);
    model_->Release();
  }

  FakeClock fake_clock_;
};

TEST_F(ProcessTest, TheSameTokensInAnotherSessionRunNoStep) {
  v1::SegmentReply first;
  v1::SegmentReply second;
  Open("a");
  Open("b");
  ASSERT_TRUE(Process(Request("a", Range(0, 8)), &first).ok());
  ASSERT_TRUE(Process(Request("b", Range(0, 8)), &second).ok());
  EXPECT_EQ(model_->batches().size(), 2u);
  for (const v1::AppliedSegment& segment : second.segments()) {
    EXPECT_EQ(segment.source(), v1::AppliedSegment::SHARED);
  }
  EXPECT_EQ(LastSum(second), Sum(Range(0, 8)));
  EXPECT_EQ(second.head().digest(), first.head().digest());
  EXPECT_EQ(Metric("mneme_segments_total", "shared"), 2);
  EXPECT_EQ(Metric("mneme_prefix_entries"), 2);
}

TEST_F(ProcessTest, WithoutAnIndexOfPrefixesEachSessionComputes) {
  TearDown();
  config_.prefix_index = 0;
  Start();
  v1::SegmentReply reply;
  for (const char* id : {"a", "b"}) {
    Open(id);
    ASSERT_TRUE(Process(Request(id, Range(0, 8)), &reply).ok());
    EXPECT_EQ(reply.segments(1).source(), v1::AppliedSegment::COMPUTED);
  }
  EXPECT_EQ(model_->batches().size(), 4u);
}

TEST_F(ProcessTest, AppliesAMessageAndAnswersARetryFromWhatWasKept) {
  const v1::Session session = Open("a");
  v1::SegmentRequest request = Request("a", Range(0, 6));
  *request.mutable_at()->mutable_handle() = session.head();
  v1::SegmentReply first;
  v1::SegmentReply again;
  ASSERT_TRUE(Process(request, &first).ok());
  ASSERT_TRUE(Process(request, &again).ok());
  EXPECT_EQ(first.head().step(), 1);
  EXPECT_EQ(first.tail(), 2);
  EXPECT_EQ(LastSum(first), Sum(Range(0, 4)));
  EXPECT_EQ(again.segments(0).source(), v1::AppliedSegment::KEPT);
  EXPECT_EQ(again.segments(0).result().SerializeAsString(),
            first.segments(0).result().SerializeAsString());
  EXPECT_EQ(again.head().digest(), first.head().digest());
}

TEST_F(ProcessTest, FlushAppliesAShortSegment) {
  Open("a");
  v1::SegmentRequest request;
  request.set_session_id("a");
  request.set_text("ab");
  request.mutable_outputs()->add_names("sum");
  request.mutable_flush()->set_tail(2);
  v1::SegmentReply reply;
  ASSERT_TRUE(Process(request, &reply).ok());
  EXPECT_EQ(reply.segments(0).result().num_tokens(), 2);
  EXPECT_EQ(LastSum(reply), Sum({'a', 'b'}));
}

TEST_F(ProcessTest, AConflictSaysWhereTheSessionIs) {
  const v1::Session session = Open("a");
  v1::SegmentReply reply;
  ASSERT_TRUE(Process(Request("a", Range(0, 5)), &reply).ok());
  v1::SegmentRequest request = Request("a", Range(90, 4));
  *request.mutable_at()->mutable_handle() = session.head();
  CallError error = ErrorOf(Process(request, &reply));
  EXPECT_EQ(error.code, grpc::StatusCode::ABORTED);
  EXPECT_EQ(error.reason, "VERSION_CONFLICT");
  EXPECT_THAT(error.metadata["head"], HasSubstr("a/1/"));
  EXPECT_EQ(error.metadata["tail"], "1");
}

TEST_F(ProcessTest, AFullQueueIsRefusedWithATimeToRetry) {
  Open("a");
  model_->Hold();
  const auto running = Send(Request("a", Range(0, 4)));
  model_->AwaitHeld();
  const auto waiting = Send(Request("a", Range(4, 4)));
  AwaitMetric("mneme_pending_requests", 2);
  v1::SegmentReply reply;
  const CallError error = ErrorOf(Process(Request("a", Range(8, 4)), &reply));
  EXPECT_EQ(error.code, grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(error.reason, "QUEUE_FULL");
  EXPECT_GT(error.retry_seconds, 0);
  model_->Release();
  EXPECT_TRUE(running->status.Get().ok());
  EXPECT_TRUE(waiting->status.Get().ok());
  EXPECT_EQ(waiting->reply.head().step(), 2);
}

TEST_F(ProcessTest, WhatHasNotStartedByItsTimeoutIsDropped) {
  Open("a");
  model_->Hold();
  const auto running = Send(Request("a", Range(0, 4)));
  model_->AwaitHeld();
  v1::SegmentRequest late = Request("a", Range(4, 4));
  late.mutable_timeout()->set_seconds(2);
  const auto waiting = Send(late);
  AwaitMetric("mneme_pending_requests", 2);
  fake_clock_.Advance(absl::Seconds(3));
  model_->Release();
  EXPECT_TRUE(running->status.Get().ok());
  EXPECT_EQ(waiting->status.Get().error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(Get("a").head().step(), 1);
}

TEST_F(ProcessTest, ACallerThatLeavesEndsItsCallAtOnce) {
  Open("a");
  model_->Hold();
  const auto running = Send(Request("a", Range(0, 4)));
  model_->AwaitHeld();
  running->context.TryCancel();
  EXPECT_EQ(running->status.Get().error_code(), grpc::StatusCode::CANCELLED);
  AwaitMetric("mneme_calls", 0);
  EXPECT_EQ(Metric("mneme_pending_requests"), 1);
  model_->Release();
  AwaitMetric("mneme_pending_requests", 0);
  EXPECT_EQ(Get("a").head().step(), 1);
}

TEST_F(ProcessTest, CloseAnswersWhatWaitsAndKeepsWhatRuns) {
  Open("a");
  model_->Hold();
  const auto running = Send(Request("a", Range(0, 4)));
  model_->AwaitHeld();
  const auto waiting = Send(Request("a", Range(4, 4)));
  AwaitMetric("mneme_pending_requests", 2);
  grpc::ClientContext context;
  v1::CloseSessionRequest request;
  request.set_session_id("a");
  v1::CloseSessionResponse closed;
  Pending<grpc::Status> close;
  sessions_->async()->Close(&context, &request, &closed, close.Setter());
  const CallError error = ErrorOf(waiting->status.Get());
  EXPECT_EQ(error.code, grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(error.reason, "CLOSING");
  model_->Release();
  EXPECT_TRUE(running->status.Get().ok());
  EXPECT_TRUE(close.Get().ok());
  EXPECT_EQ(closed.last().step(), 1);
}

// What one session computed, another would take from it.
class LedgerTest : public ProcessTest {
 protected:
  LedgerTest() { config_.prefix_index = 0; }
};

TEST_F(LedgerTest, MetricsAgreeWithTheClientsLedger) {
  for (const char* id : {"a", "b", "c"}) Open(id);
  v1::SegmentReply reply;
  const v1::Session at = Get("a");
  v1::SegmentRequest placed = Request("a", Range(0, 9));
  *placed.mutable_at()->mutable_handle() = at.head();
  EXPECT_TRUE(Process(placed, &reply).ok());
  EXPECT_TRUE(Process(placed, &reply).ok());
  EXPECT_TRUE(Process(Request("b", Range(0, 3)), &reply).ok());
  EXPECT_FALSE(Process(Request("b", {-1}), &reply).ok());
  EXPECT_FALSE(Process(Request("?", {1}), &reply).ok());
  EXPECT_FALSE(Process(Request("unknown", {1}), &reply).ok());
  CancelInItsSecondSegment("c");
  AwaitMetric("mneme_pending_requests", 0);
  EXPECT_EQ(Metric("mneme_requests_total", "OK"), 3);
  EXPECT_EQ(Metric("mneme_requests_total", "INVALID_ARGUMENT"), 2);
  EXPECT_EQ(Metric("mneme_requests_total", "NOT_FOUND"), 1);
  EXPECT_EQ(Metric("mneme_requests_total", "CANCELLED"), 1);
  EXPECT_EQ(Metric("mneme_request_duration_seconds"), 3);
  EXPECT_EQ(Rpcs("Segments.Process", "OK"), 3);
  EXPECT_EQ(Rpcs("Segments.Process", "INVALID_ARGUMENT"), 2);
  EXPECT_EQ(Rpcs("Segments.Process", "NOT_FOUND"), 1);
  EXPECT_EQ(Rpcs("Segments.Process", "CANCELLED"), 1);
  EXPECT_EQ(Rpcs("Sessions.Open", "OK"), 3);
  EXPECT_EQ(Rpcs("Sessions.Get", "OK"), 1);
  EXPECT_EQ(Metric("mneme_segments_total", "computed"), 4);
  EXPECT_EQ(Metric("mneme_segments_total", "kept"), 2);
  EXPECT_EQ(Metric("mneme_tokens_total"), 16);
  EXPECT_EQ(Metric("mneme_batch_rows"), 4);
  EXPECT_EQ(Metric("mneme_sessions"), 3);
  EXPECT_EQ(Metric("mneme_store_commits_total"), 7);
  AwaitMetric("mneme_queue_bytes", 0);
}

class ProcessDeadlineTest : public ServerFixture {};

TEST_F(ProcessDeadlineTest, TheCallsOwnDeadlineCountsToo) {
  Open("a");
  Open("b");
  model_->Hold();
  AsyncCall running;
  running.request = Request("a", Range(0, 4));
  segments_->async()->Process(&running.context, &running.request,
                              &running.reply, running.status.Setter());
  model_->AwaitHeld();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::milliseconds(20));
  v1::SegmentReply reply;
  EXPECT_EQ(segments_->Process(&context, Request("b", Range(0, 4)), &reply)
                .error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  model_->Release();
  EXPECT_TRUE(running.status.Get().ok());
  AwaitMetric("mneme_pending_requests", 0);
  EXPECT_EQ(Get("a").head().step(), 1);
  EXPECT_EQ(Get("b").head().step(), 0);
}

}  // namespace
}  // namespace mneme
