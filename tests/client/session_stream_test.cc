// StreamCore and StreamCall are a stream's inside: they are tested here, and in
// stream_retry_test.cc, through SessionStream.

#include "client/session_stream.h"

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/client.h"
#include "client/error.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/collecting_handler.h"
#include "tests/client/fake_server.h"
#include "tests/client/manual_timer.h"
#include "tests/client/session_stream_fixture.h"
#include "tests/testing/status_matchers.h"

namespace mneme::client {
namespace {

using ::mneme::testing::CollectingHandler;
using ::mneme::testing::ErrorStatus;
using ::mneme::testing::FakeServer;
using ::mneme::testing::ManualTimer;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class MessageSizeTest : public SessionStreamTest,
                        public ::testing::WithParamInterface<size_t> {};

TEST_P(MessageSizeTest, SegmentsAreTheSameHoweverMessagesAreCut) {
  StartServer();
  StreamOptions options = OptionsFor("s");
  options.max_message_tokens = GetParam();
  options.buffer_tokens = 100;
  Open(options);
  EXPECT_THAT(Send(kText), IsOk());
  ExpectEachSegmentOnce("s");
}

INSTANTIATE_TEST_SUITE_P(Sizes, MessageSizeTest,
                         ::testing::Values(1, 3, 8, 13, 16, 64));

TEST_F(SessionStreamTest, TokensAndTextReachTheSameDigest) {
  StartServer();
  StreamOptions options = OptionsFor("ids");
  options.text = false;
  Open(options);
  EXPECT_THAT(Send(kText), IsOk());
  ExpectEachSegmentOnce("ids");
  EXPECT_TRUE(server_->streams()[0][0].has_tokens());
}

TEST_F(SessionStreamTest, ResultsCarryTheOutputsAskedFor) {
  StartServer();
  Open(OptionsFor("s"));
  EXPECT_THAT(Send(kText), IsOk());
  std::vector<SegmentResult> segments = handler_.segments();
  ASSERT_THAT(segments, SizeIs(6));
  ASSERT_NE(segments[0].Find("log_probs"), nullptr);
  std::vector<float> log_probs = segments[0].Find("log_probs")->AsFloats();
  ASSERT_THAT(log_probs, SizeIs(kSegment));
  EXPECT_TRUE(std::isnan(log_probs[0]));
  EXPECT_FLOAT_EQ(log_probs[1], -static_cast<float>('h' % 7) / 10);
  ASSERT_NE(segments[5].Find("argmax"), nullptr);
  EXPECT_THAT(segments[5].Find("argmax")->AsInts(),
              ElementsAre('d' + 1, 'o' + 1, 'g' + 1));
  EXPECT_EQ(segments[0].source, ResultSource::kComputed);
}

TEST_F(SessionStreamTest, EveryCallSaysWhereItGoesAndWhoseItIs) {
  StartServer();
  server_->AddFault(
      {3, ErrorStatus(grpc::StatusCode::UNAVAILABLE, "draining", "DRAINING")});
  Open(OptionsFor("s"));
  EXPECT_THAT(Send(kText), IsOk());
  auto streams = server_->streams();
  ASSERT_EQ(streams.size(), 2u);
  for (const auto& requests : streams) {
    ASSERT_FALSE(requests.empty());
    EXPECT_TRUE(requests[0].has_at());
    EXPECT_EQ(requests[0].at().tail(), 0u);
    EXPECT_EQ(requests[0].session_id(), "s");
  }
  EXPECT_THAT(server_->session_metadata(), Each("s"));
}

TEST_F(SessionStreamTest, AHandleThatIsNoLongerRetainedIsAnError) {
  FakeServer::Options server_options;
  server_options.retained = 1;
  StartServer(server_options);
  StreamOptions options = OptionsFor("s");
  for (int i = 0; i < 3; ++i) {
    server_->WriteAsSomebodyElse("s", std::string(kSegment, 'x'));
  }
  Open(options);
  absl::Status status = Send(kText);
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(DetailsOf(status).reason, "NOT_RETAINED");
}

TEST_F(SessionStreamTest, AReplayFromAnOldHandleAnswersFromWhatWasKept) {
  StartServer();
  StreamOptions options = OptionsFor("s");
  Open(options);
  EXPECT_THAT(Send(kText), IsOk());
  stream_ = nullptr;
  CollectingHandler again;
  ASSERT_OK_AND_ASSIGN(auto stream, client_->Stream(options, &again));
  EXPECT_THAT(stream->WriteText(kText), IsOk());
  EXPECT_THAT(stream->Flush(), IsOk());
  EXPECT_THAT(stream->Finish(), IsOk());
  EXPECT_THAT(stream->Wait(), IsOk());
  ASSERT_THAT(again.segments(), SizeIs(6));
  for (const SegmentResult& segment : again.segments()) {
    EXPECT_EQ(segment.source, ResultSource::kKept);
  }
  EXPECT_EQ(server_->TextOf("s"), kText);
}

TEST_F(SessionStreamTest, AnotherDigestForADeliveredStepIsRefused) {
  timer_ = std::make_shared<ManualTimer>();
  FakeServer::Options server_options;
  server_options.durable_lag = 9;
  StartServer(server_options);
  Open(OptionsFor("s"));
  EXPECT_THAT(stream_->WriteText(std::string(kText).substr(0, 12)), IsOk());
  handler_.AwaitSegments(1);
  server_->Corrupt("s", 1);
  server_->AddFault(
      {3, ErrorStatus(grpc::StatusCode::UNAVAILABLE, "gone", "")});
  EXPECT_THAT(stream_->WriteText(std::string(kText).substr(12)), IsOk());
  timer_->Fire();
  EXPECT_THAT(stream_->Wait(), StatusIs(absl::StatusCode::kInternal,
                                        HasSubstr("another digest")));
}

TEST_F(SessionStreamTest, CancelEndsTheStreamWithCancelled) {
  StartServer();
  Open(OptionsFor("s"));
  server_->Hold();
  EXPECT_THAT(stream_->WriteText(kText), IsOk());
  stream_->Cancel();
  EXPECT_THAT(stream_->Wait(), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(handler_.done(), 1);
  server_->Release();
}

TEST_F(SessionStreamTest, DestroyingTheStreamCancelsIt) {
  StartServer();
  Open(OptionsFor("s"));
  EXPECT_THAT(stream_->WriteText("begun"), IsOk());
  stream_ = nullptr;
  EXPECT_EQ(handler_.done(), 1);
}

TEST_F(SessionStreamTest, InputIsBoundedByWindowAndBuffer) {
  StartServer();
  StreamOptions options = OptionsFor("s");
  options.window = 2;
  options.buffer_tokens = 16;
  Open(options);
  server_->Hold();
  for (int i = 0; i < 4; ++i) {
    ASSERT_THAT(stream_->WaitForRoom(kSegment), IsOk());
    ASSERT_THAT(stream_->WriteText("12345678"), IsOk());
  }
  EXPECT_EQ(stream_->Room(), 0u);
  EXPECT_THAT(stream_->WriteText("9"),
              StatusIs(absl::StatusCode::kResourceExhausted));
  server_->Release();
  EXPECT_THAT(stream_->WaitForRoom(16), IsOk());
}

TEST_F(SessionStreamTest, NothingIsWrittenAfterFinish) {
  StartServer();
  Open(OptionsFor("s"));
  EXPECT_THAT(stream_->Finish(), IsOk());
  EXPECT_THAT(stream_->WriteText("x"),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(stream_->Wait(), IsOk());
}

TEST_F(SessionStreamTest, AShortSegmentCanBeOneMessage) {
  StartServer();
  Open(OptionsFor("s"));
  ASSERT_THAT(stream_->WriteAndFlush({'a', 'b', 'c'}), IsOk());
  ASSERT_THAT(stream_->Finish(), IsOk());
  ASSERT_THAT(stream_->Wait(), IsOk());
  EXPECT_EQ(server_->TextOf("s"), "abc");
  const auto streams = server_->streams();
  ASSERT_THAT(streams, SizeIs(1));
  ASSERT_THAT(streams[0], SizeIs(1));
  EXPECT_EQ(streams[0][0].text(), "abc");
  EXPECT_EQ(streams[0][0].flush().tail(), 3u);
}

TEST_F(SessionStreamTest, FlushesInTheMiddleSurviveAReplay) {
  StartServer();
  server_->AddFault({4, ErrorStatus(grpc::StatusCode::UNAVAILABLE, "lost", ""),
                     /*after_applying=*/true});
  Open(OptionsFor("s"));
  EXPECT_THAT(stream_->WriteText("abc"), IsOk());
  EXPECT_THAT(stream_->Flush(), IsOk());
  EXPECT_THAT(stream_->WriteText("12345678de"), IsOk());
  EXPECT_THAT(stream_->Flush(), IsOk());
  EXPECT_THAT(stream_->WriteText("f"), IsOk());
  EXPECT_THAT(stream_->Flush(), IsOk());
  EXPECT_THAT(stream_->Finish(), IsOk());
  EXPECT_THAT(stream_->Wait(), IsOk());
  std::vector<uint32_t> sizes;
  for (const SegmentResult& s : handler_.segments()) {
    sizes.push_back(s.num_tokens);
  }
  EXPECT_THAT(sizes, ElementsAre(3, 8, 2, 1));
  EXPECT_EQ(server_->TextOf("s"), "abc12345678def");
}

TEST_F(SessionStreamTest, ManyStreamsAtOnceKeepToTheirSessions) {
  StartServer();
  constexpr int kStreams = 100;
  std::vector<std::unique_ptr<CollectingHandler>> handlers;
  std::vector<std::unique_ptr<SessionStream>> streams;
  for (int i = 0; i < kStreams; ++i) {
    handlers.push_back(std::make_unique<CollectingHandler>());
    StreamOptions options = OptionsFor(std::to_string(i));
    ASSERT_OK_AND_ASSIGN(auto stream,
                         client_->Stream(options, handlers.back().get()));
    streams.push_back(std::move(stream));
  }
  for (int i = 0; i < kStreams; ++i) {
    std::string text = absl::StrCat(kText, i);
    ASSERT_THAT(streams[static_cast<size_t>(i)]->WriteText(text), IsOk());
    ASSERT_THAT(streams[static_cast<size_t>(i)]->Flush(), IsOk());
    ASSERT_THAT(streams[static_cast<size_t>(i)]->Finish(), IsOk());
  }
  for (int i = 0; i < kStreams; ++i) {
    EXPECT_THAT(streams[static_cast<size_t>(i)]->Wait(), IsOk());
    EXPECT_EQ(server_->TextOf(std::to_string(i)), absl::StrCat(kText, i));
  }
}

}  // namespace
}  // namespace mneme::client
