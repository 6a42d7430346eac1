#include <atomic>
#include <future>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/server/rpc/raw_call.h"
#include "tests/server/rpc/server_fixture.h"
#include "tests/testing/fake_clock.h"

namespace mneme {
namespace {

using ::testing::HasSubstr;

constexpr char kServing[] = "\x08\x01";
constexpr char kNotServing[] = "\x08\x02";

std::string ValueOf(const std::map<std::string, std::string>& metadata,
                    const std::string& key) {
  const auto it = metadata.find(key);
  return it == metadata.end() ? "none" : it->second;
}

class DrainTest : public ServerFixture {
 protected:
  void SetUp() override {
    clock_ = &fake_clock_;
    Start();
    segments_ = v1::Segments::NewStub(Connect());
  }

  void TearDown() override {
    model_->Release();
    if (drain_.joinable()) drain_.join();
    ServerFixture::TearDown();
  }

  // Drains on another thread; AwaitDrained() gives its result.
  void StartDrain() {
    drain_ = std::thread(
        [this] { drained_.set_value(server_->Drain(absl::Seconds(20))); });
  }
  absl::StatusOr<bool> AwaitDrained() { return drained_.get_future().get(); }

  FakeClock fake_clock_;
  std::promise<absl::StatusOr<bool>> drained_;
  std::thread drain_;
};

TEST_F(DrainTest, AnIdleServerDrainsAtOnce) {
  StartDrain();
  EXPECT_THAT(AwaitDrained(), IsOkAndHolds(true));
}

TEST_F(DrainTest, HealthIsNotServingWhileWhatWasReadIsFinished) {
  Open("a");
  RawCall watch(channel_, "/grpc.health.v1.Health/Watch");
  watch.Write("");
  EXPECT_EQ(watch.Read(), kServing);
  model_->Hold();
  grpc::ClientContext context;
  const StreamCall stream = segments_->Stream(&context);
  ASSERT_TRUE(stream->Write(Request("a", Range(0, 4))));
  model_->AwaitHeld();
  StartDrain();
  EXPECT_EQ(watch.Read(), kNotServing);
  EXPECT_EQ(RawCall::Unary(channel_, "/grpc.health.v1.Health/Check", ""),
            kNotServing);
  model_->Release();
  EXPECT_THAT(AwaitDrained(), IsOkAndHolds(true));
}

TEST_F(DrainTest, NoSessionIsChangedAnyMore) {
  const v1::Session opened = Open("a");
  model_->Hold();
  grpc::ClientContext context;
  const StreamCall stream = segments_->Stream(&context);
  ASSERT_TRUE(stream->Write(Request("a", Range(0, 4))));
  model_->AwaitHeld();
  StartDrain();
  AwaitMetric("mneme_draining", 1);
  const auto expect_draining = [&](auto rpc, auto request) {
    request.set_session_id("a");
    grpc::ClientContext call;
    v1::Session session;
    const auto status = ((*sessions_).*rpc)(&call, request, &session);
    EXPECT_EQ(ErrorOf(status).reason, "DRAINING");
  };
  using Stub = v1::Sessions::Stub;
  expect_draining(&Stub::Rollback, v1::RollbackSessionRequest());
  expect_draining(&Stub::Fork, v1::ForkSessionRequest());
  expect_draining(&Stub::Touch, v1::TouchSessionRequest());
  model_->Release();
  EXPECT_THAT(AwaitDrained(), IsOkAndHolds(true));
}

TEST_F(DrainTest, WhatWasReadIsAnsweredThenTheStreamEndsWithItsLastHandle) {
  Open("a");
  model_->Hold();
  grpc::ClientContext context;
  const StreamCall stream = segments_->Stream(&context);
  ASSERT_TRUE(stream->Write(Request("a", Range(0, 4))));
  ASSERT_TRUE(stream->Write(Request("a", Range(4, 6))));
  model_->AwaitHeld();
  AwaitMetric("mneme_pending_requests", 2);
  StartDrain();
  AwaitMetric("mneme_draining", 1);
  model_->Release();
  v1::SegmentReply reply;
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.head().step(), 1);
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.head().step(), 2);
  EXPECT_EQ(LastSum(reply), Sum(Range(0, 8)));
  EXPECT_FALSE(stream->Read(&reply));
  const CallError error = ErrorOf(stream->Finish());
  EXPECT_EQ(error.code, grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(error.reason, "DRAINING");
  EXPECT_THAT(ValueOf(error.metadata, "head"), HasSubstr("a/2/"));
  EXPECT_EQ(ValueOf(error.metadata, "tail"), "2");
  EXPECT_GT(error.retry_seconds, 0);
  EXPECT_THAT(AwaitDrained(), IsOkAndHolds(true));
}

TEST_F(DrainTest, AnIdleStreamEndsThoughItsReadIsPending) {
  Open("a");
  grpc::ClientContext context;
  context.AddMetadata("mneme-session-id", "a");
  const StreamCall stream = segments_->Stream(&context);
  AwaitMetric("mneme_streams", 1);
  StartDrain();
  const CallError error = ErrorOf(stream->Finish());
  EXPECT_EQ(error.code, grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(error.reason, "DRAINING");
  EXPECT_THAT(ValueOf(error.metadata, "head"), HasSubstr("a/0/"));
  EXPECT_THAT(AwaitDrained(), IsOkAndHolds(true));
}

TEST_F(DrainTest, NothingNewIsTakenWhileWhatWasReadIsFinished) {
  Open("a");
  Open("b");
  model_->Hold();
  grpc::ClientContext context;
  const StreamCall stream = segments_->Stream(&context);
  ASSERT_TRUE(stream->Write(Request("a", Range(0, 4))));
  model_->AwaitHeld();
  StartDrain();
  AwaitMetric("mneme_draining", 1);

  v1::OpenSessionRequest open;
  open.set_session_id("c");
  v1::Session session;
  EXPECT_EQ(ErrorOf(TryOpen(open, &session)).reason, "DRAINING");
  v1::SegmentReply reply;
  EXPECT_EQ(ErrorOf(Process(Request("b", {1}), &reply)).reason, "DRAINING");
  grpc::ClientContext late_context;
  const StreamCall late = segments_->Stream(&late_context);
  EXPECT_EQ(ErrorOf(late->Finish()).reason, "DRAINING");
  stream->Write(Request("a", Range(4, 4)));
  EXPECT_TRUE(TryGet("a", &session).ok());

  model_->Release();
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_FALSE(stream->Read(&reply));
  EXPECT_EQ(ErrorOf(stream->Finish()).reason, "DRAINING");
  EXPECT_THAT(AwaitDrained(), IsOkAndHolds(true));
  EXPECT_EQ(reply.head().step(), 1);
}

TEST_F(DrainTest, FiftyEndlessStreamsAllEndWithWhatTheyWereTold) {
  constexpr int kStreams = 50;
  std::vector<std::thread> clients;
  std::atomic<int> told{0};
  for (int s = 0; s < kStreams; ++s) {
    Open(absl::StrCat("s", s));
    clients.emplace_back([this, s, &told] {
      const std::string id = absl::StrCat("s", s);
      grpc::ClientContext context;
      const StreamCall stream = segments_->Stream(&context);
      std::string last;
      v1::SegmentReply reply;
      for (int i = 0; stream->Write(Request(id, Range(4 * i, 4))); ++i) {
        if (!stream->Read(&reply)) break;
        EXPECT_EQ(LastSum(reply), Sum(Range(0, 4 * i + 4)));
        last = absl::StrCat(reply.head().step());
        if (i == 0) ++told;
      }
      const CallError error = ErrorOf(stream->Finish());
      EXPECT_EQ(error.reason, "DRAINING") << error.message;
      EXPECT_THAT(ValueOf(error.metadata, "head"),
                  HasSubstr(absl::StrCat(id, "/", last, "/")));
    });
  }
  while (told < kStreams) Get("s0");
  StartDrain();
  EXPECT_THAT(AwaitDrained(), IsOkAndHolds(true));
  for (auto& client : clients) client.join();
  EXPECT_EQ(Metric("mneme_calls"), 0);
}

TEST_F(DrainTest, AStreamThatIsNotDoneInTimeEndsWithItsCurrentHead) {
  Open("a");
  grpc::ClientContext context;
  const StreamCall stream = segments_->Stream(&context);
  ASSERT_TRUE(stream->Write(Request("a", Range(0, 4))));
  v1::SegmentReply reply;
  ASSERT_TRUE(stream->Read(&reply));
  model_->Hold();
  ASSERT_TRUE(stream->Write(Request("a", Range(4, 4))));
  model_->AwaitHeld();
  StartDrain();
  AwaitMetric("mneme_draining", 1);
  fake_clock_.Advance(absl::Milliseconds(19'500));
  const CallError error = ErrorOf(stream->Finish());
  EXPECT_EQ(error.code, grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(error.reason, "DRAINING");
  EXPECT_THAT(ValueOf(error.metadata, "head"), HasSubstr("a/1/"));
  EXPECT_EQ(ValueOf(error.metadata, "tail"), "0");
  EXPECT_THAT(AwaitDrained(), IsOkAndHolds(false));
}

TEST_F(DrainTest, TheHeadOfACutOffStreamCountsTheSegmentsOfItsMessage) {
  Open("a");
  // The first segment of the message commits, the second is held.
  model_->HoldAfter(1);
  grpc::ClientContext context;
  const StreamCall stream = segments_->Stream(&context);
  ASSERT_TRUE(stream->Write(Request("a", Range(0, 16))));
  model_->AwaitHeld();
  StartDrain();
  AwaitMetric("mneme_draining", 1);
  fake_clock_.Advance(absl::Milliseconds(19'500));
  const CallError error = ErrorOf(stream->Finish());
  EXPECT_EQ(error.reason, "DRAINING");
  EXPECT_THAT(ValueOf(error.metadata, "head"), HasSubstr("a/1/"));
  EXPECT_THAT(AwaitDrained(), IsOkAndHolds(false));
}

// With replies so large that their writes wait for the reader.
class WideDrainTest : public DrainTest {
 protected:
  static constexpr int32_t kWide = 1 << 16;  // tokens in a segment

  void SetUp() override {
    auto wide = std::make_unique<FakeModel>(kWide, "wide");
    wide_ = wide.get();
    more_models_.push_back(std::move(wide));
    DrainTest::SetUp();
  }
  void TearDown() override {
    wide_->Release();
    DrainTest::TearDown();
  }

  FakeModel* wide_ = nullptr;
};

TEST_F(WideDrainTest, ASlowReaderOfACutOffStreamIsToldOfTheDrainNotOfACancel) {
  Open("a", "wide");
  grpc::ClientContext context;
  const StreamCall stream = segments_->Stream(&context);
  ASSERT_TRUE(stream->Write(Request("a", Range(0, 7 * kWide))));
  ASSERT_TRUE(stream->Write(Request("a", Range(0, 7 * kWide))));
  AwaitMetric("mneme_segments_total", 14, "computed");
  // The first segment of the next message is held, the second waits behind it.
  wide_->Hold();
  ASSERT_TRUE(stream->Write(Request("a", Range(0, 2 * kWide))));
  wide_->AwaitHeld();
  const absl::Duration end = fake_clock_.Monotonic() + absl::Seconds(20);
  StartDrain();
  AwaitMetric("mneme_draining", 1);
  fake_clock_.Advance(absl::Milliseconds(19'500));
  fake_clock_.AwaitWaitUntil(end);  // cut off, while a reply is written
  wide_->Release();
  while (Metric("mneme_pending_requests") > 0) std::this_thread::yield();
  v1::SegmentReply reply;
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.head().step(), 7);
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.head().step(), 14);
  EXPECT_FALSE(stream->Read(&reply));
  const CallError error = ErrorOf(stream->Finish());
  EXPECT_EQ(error.code, grpc::StatusCode::UNAVAILABLE) << error.message;
  EXPECT_EQ(error.reason, "DRAINING") << error.message;
  EXPECT_THAT(ValueOf(error.metadata, "head"), HasSubstr("a/14/"));
  EXPECT_THAT(AwaitDrained(), IsOkAndHolds(false));
}

TEST_F(DrainTest, ACallThatIsNotDoneInTimeIsToldOfTheDrain) {
  Open("a");
  model_->Hold();
  std::thread caller([this] {
    v1::SegmentReply reply;
    const CallError error = ErrorOf(Process(Request("a", Range(0, 4)), &reply));
    EXPECT_EQ(error.code, grpc::StatusCode::UNAVAILABLE);
    EXPECT_EQ(error.reason, "DRAINING");
    EXPECT_GT(error.retry_seconds, 0);
  });
  model_->AwaitHeld();
  StartDrain();
  AwaitMetric("mneme_draining", 1);
  fake_clock_.Advance(absl::Milliseconds(19'500));
  caller.join();
  EXPECT_THAT(AwaitDrained(), IsOkAndHolds(false));
  EXPECT_EQ(Rpcs("Segments.Process", "UNAVAILABLE"), 1);
}

TEST_F(DrainTest, AReaderThatNeverReadsDoesNotHoldTheDrainUp) {
  Open("a");
  segments_ = v1::Segments::NewStub(channel_);
  grpc::ClientContext context;
  const StreamCall stream = segments_->Stream(&context);
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(stream->Write(Request("a", Range(4 * i, 4))));
  }
  AwaitMetric("mneme_segments_total", 4, "computed");
  StartDrain();
  AwaitMetric("mneme_draining", 1);
  fake_clock_.Advance(absl::Seconds(20));
  EXPECT_THAT(AwaitDrained(), IsOkAndHolds(false));
}

}  // namespace
}  // namespace mneme
