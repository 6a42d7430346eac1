#include <memory>
#include <string>

#include "client/error.h"
#include "client/session_stream.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/session_stream_fixture.h"

namespace mneme::client {
namespace {

using ::mneme::testing::ErrorStatus;
using ::mneme::testing::FakeServer;
using ::mneme::testing::ManualTimer;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::SizeIs;

// How a stream goes on after its call ended.
class StreamRetryTest : public SessionStreamTest {};

TEST_F(StreamRetryTest, ALostReplyIsAnsweredAgainAndDeliveredOnce) {
  StartServer();
  for (int message : {1, 4, 8}) {
    server_->AddFault({message,
                       ErrorStatus(grpc::StatusCode::UNAVAILABLE, "lost", ""),
                       /*after_applying=*/true});
  }
  Open(OptionsFor("s"));
  EXPECT_THAT(Send(kText), IsOk());
  ExpectEachSegmentOnce("s");
  EXPECT_THAT(handler_.retries(), SizeIs(3));
  EXPECT_EQ(handler_.segments()[0].source, ResultSource::kKept);
}

TEST_F(StreamRetryTest, AKilledServerIsResumedFromTheLastDurableHandle) {
  timer_ = std::make_shared<ManualTimer>();
  FakeServer::Options server_options;
  server_options.durable_lag = 2;
  StartServer(server_options);
  Open(OptionsFor("s"));
  EXPECT_THAT(stream_->WriteText(std::string(kText).substr(0, 36)), IsOk());
  handler_.AwaitSegments(4);
  server_->Kill();
  timer_->AwaitWaiting();
  EXPECT_EQ(server_->StepOf("s"), 2u);
  server_->Restart();
  EXPECT_THAT(stream_->WriteText(std::string(kText).substr(36)), IsOk());
  timer_->Fire();
  EXPECT_THAT(stream_->Flush(), IsOk());
  EXPECT_THAT(stream_->Finish(), IsOk());
  EXPECT_THAT(stream_->Wait(), IsOk());
  ExpectEachSegmentOnce("s");
  ASSERT_THAT(handler_.resumed_from(), SizeIs(1));
  EXPECT_EQ(handler_.resumed_from()[0].step, 2u);
}

// As a proxy says it of a server that was killed behind it.
TEST_F(StreamRetryTest, AStreamThatAProxyResetIsResumed) {
  StartServer();
  const grpc::Status reset(grpc::StatusCode::INTERNAL,
                           "Received RST_STREAM with error code 2");
  server_->AddFault({2, reset});
  server_->AddFault({5, reset, /*after_applying=*/true});
  Open(OptionsFor("s"));
  EXPECT_THAT(Send(kText), IsOk());
  ExpectEachSegmentOnce("s");
  EXPECT_THAT(handler_.retries(), SizeIs(2));
}

TEST_F(StreamRetryTest, AnInternalErrorOfTheServersOwnIsAnError) {
  StartServer();
  server_->AddFault(
      {2, ErrorStatus(grpc::StatusCode::INTERNAL, "a bug", "INTERNAL")});
  Open(OptionsFor("s"));
  EXPECT_THAT(Send(kText),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("a bug")));
  EXPECT_THAT(handler_.retries(), IsEmpty());
}

TEST_F(StreamRetryTest, AServerThatStaysAwayIsGivenUpAfterRetryFor) {
  StartServer();
  StreamOptions options = OptionsFor("s");
  options.retry.retry_for = absl::Seconds(10);
  server_->Kill();
  absl::Duration start = timer_->Now();
  Open(options);
  EXPECT_THAT(Send(kText), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(timer_->Now() - start,
              AllOf(Ge(absl::Seconds(5)), Le(absl::Seconds(10))));
  EXPECT_EQ(handler_.done(), 1);
  EXPECT_THAT(stream_->WriteText("x"),
              StatusIs(absl::StatusCode::kUnavailable));
  server_->Restart();
}

TEST_F(StreamRetryTest, AFullQueueIsRetriedAfterTheServersDelay) {
  StartServer();
  server_->AddFault(
      {2, ErrorStatus(grpc::StatusCode::RESOURCE_EXHAUSTED, "queue full",
                      "QUEUE_FULL", absl::Milliseconds(1700))});
  Open(OptionsFor("s"));
  EXPECT_THAT(Send(kText), IsOk());
  ExpectEachSegmentOnce("s");
  EXPECT_THAT(timer_->delays(), ElementsAre(AllOf(Ge(absl::Milliseconds(1700)),
                                                  Le(absl::Seconds(3)))));
}

TEST_F(StreamRetryTest, AQuotaWithoutADelayIsAnError) {
  StartServer();
  server_->AddFault({1, ErrorStatus(grpc::StatusCode::RESOURCE_EXHAUSTED,
                                    "too much", "QUOTA_SESSIONS")});
  Open(OptionsFor("s"));
  EXPECT_THAT(Send(kText), StatusIs(absl::StatusCode::kResourceExhausted,
                                    HasSubstr("too much")));
  EXPECT_THAT(handler_.retries(), IsEmpty());
}

TEST_F(StreamRetryTest, AnotherWriterIsAConflict) {
  StartServer();
  Open(OptionsFor("s"));
  server_->WriteAsSomebodyElse("s", "other text");
  absl::Status status = Send(kText);
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kAborted));
  ErrorDetails details = DetailsOf(status);
  EXPECT_EQ(details.reason, "VERSION_CONFLICT");
  EXPECT_EQ(details.metadata.at("head"), "1");
  EXPECT_EQ(server_->TextOf("s"), "other te");
  EXPECT_THAT(handler_.segments(), IsEmpty());
}

TEST_F(StreamRetryTest, AConflictWithOurOwnHalfAppliedMessageIsReplayed) {
  StartServer();
  server_->AddFault(
      {2,
       ErrorStatus(grpc::StatusCode::ABORTED, "elsewhere", "VERSION_CONFLICT"),
       /*after_applying=*/true});
  Open(OptionsFor("s"));
  EXPECT_THAT(Send(kText), IsOk());
  ExpectEachSegmentOnce("s");
  EXPECT_THAT(handler_.retries(),
              ElementsAre(StatusIs(absl::StatusCode::kAborted)));
}

TEST_F(StreamRetryTest, CancelEndsAWaitForARetry) {
  timer_ = std::make_shared<ManualTimer>();
  StartServer();
  StreamOptions options = OptionsFor("s");
  server_->Kill();
  Open(options);
  timer_->AwaitWaiting();
  stream_->Cancel();
  EXPECT_THAT(stream_->Wait(), StatusIs(absl::StatusCode::kCancelled));
  timer_->Fire();
  EXPECT_EQ(handler_.done(), 1);
  server_->Restart();
}

TEST_F(StreamRetryTest, AStreamThatEndsTooEarlyIsResumed) {
  StartServer();
  server_->AddFault({3, grpc::Status::OK, /*after_applying=*/true,
                     /*ends_the_stream=*/true});
  Open(OptionsFor("s"));
  EXPECT_THAT(Send(kText), IsOk());
  ExpectEachSegmentOnce("s");
  EXPECT_THAT(handler_.retries(),
              ElementsAre(StatusIs(absl::StatusCode::kUnavailable,
                                   HasSubstr("too early"))));
}

TEST_F(StreamRetryTest, ADeadlineIsRetriedFromTheSamePlace) {
  StartServer();
  server_->AddFault(
      {2, grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, "too late")});
  Open(OptionsFor("s"));
  EXPECT_THAT(Send(kText), IsOk());
  ExpectEachSegmentOnce("s");
}

TEST_F(StreamRetryTest, ALostReplyIsAnsweredAgainHoweverLargeTheMessages) {
  FakeServer::Options server_options;
  server_options.retained = 2;
  StartServer(server_options);
  server_->AddFault({1, ErrorStatus(grpc::StatusCode::UNAVAILABLE, "lost", ""),
                     /*after_applying=*/true});
  StreamOptions options = OptionsFor("s");
  options.max_message_tokens = 1000;
  Open(options);
  EXPECT_THAT(Send(kText), IsOk());
  ExpectEachSegmentOnce("s");
}

TEST_F(StreamRetryTest, AnUnknownSessionIsAnErrorAtOnce) {
  StartServer();
  StreamOptions options = OptionsFor("s");
  ASSERT_THAT(client_->CloseSession("s"), IsOk());
  Open(options);
  EXPECT_THAT(Send(kText), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(handler_.retries(), IsEmpty());
}

}  // namespace
}  // namespace mneme::client
