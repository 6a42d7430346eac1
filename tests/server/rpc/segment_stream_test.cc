#include "server/rpc/segment_stream.h"

#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/server/rpc/server_fixture.h"

namespace mneme {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class SegmentStreamTest : public ServerFixture {
 protected:
  StreamCall Stream() { return segments_->Stream(&context_); }

  grpc::ClientContext context_;
};

TEST_F(SegmentStreamTest, AnswersEachMessageInOrderWithWhatItCompleted) {
  Open("a");
  const StreamCall stream = Stream();
  const std::vector<std::vector<int32_t>> messages = {
      Range(0, 3), Range(3, 6), {}, Range(9, 7)};
  const std::vector<int> segments = {0, 2, 0, 2};
  const std::vector<uint32_t> tails = {3, 1, 1, 0};
  for (const auto& tokens : messages) {
    ASSERT_TRUE(stream->Write(Request("a", tokens)));
  }
  stream->WritesDone();
  v1::SegmentReply reply;
  for (size_t i = 0; i < messages.size(); ++i) {
    ASSERT_TRUE(stream->Read(&reply));
    EXPECT_EQ(reply.segments_size(), segments[i]) << "message " << i;
    EXPECT_EQ(reply.tail(), tails[i]) << "message " << i;
  }
  EXPECT_EQ(LastSum(reply), Sum(Range(0, 16)));
  EXPECT_EQ(reply.head().step(), 4);
  EXPECT_EQ(reply.next().handle().digest(), reply.head().digest());
  EXPECT_FALSE(stream->Read(&reply));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(SegmentStreamTest, HalfCloseWithoutMessagesEndsOk) {
  const StreamCall stream = Stream();
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(SegmentStreamTest, KeepsTheOutputsOfTheMessageBefore) {
  Open("a");
  const StreamCall stream = Stream();
  v1::SegmentRequest request = Request("a", Range(0, 4));
  ASSERT_TRUE(stream->Write(request));
  request.clear_outputs();
  request.clear_session_id();
  ASSERT_TRUE(stream->Write(request));
  request.mutable_outputs();
  ASSERT_TRUE(stream->Write(request));
  v1::SegmentReply reply;
  ASSERT_TRUE(stream->Read(&reply));
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.segments(0).result().outputs_size(), 1);
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.segments(0).result().outputs_size(), 0);
}

TEST_F(SegmentStreamTest, AnErrorComesAfterTheRepliesBeforeIt) {
  Open("a");
  const StreamCall stream = Stream();
  ASSERT_TRUE(stream->Write(Request("a", Range(0, 4))));
  ASSERT_TRUE(stream->Write(Request("a", {1, 2, -3})));
  v1::SegmentReply reply;
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.head().step(), 1);
  EXPECT_FALSE(stream->Read(&reply));
  EXPECT_THAT(stream->Finish(),
              FailsWith(grpc::StatusCode::INVALID_ARGUMENT,
                        AllOf(HasSubstr("tokens.ids[2]"), HasSubstr("-3"))));
}

TEST_F(SegmentStreamTest, WhatIsBehindAFailedMessageIsNotApplied) {
  Open("a");
  model_->Hold();
  const StreamCall stream = Stream();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(stream->Write(Request("a", Range(4 * i, 4))));
  }
  model_->AwaitHeld();
  AwaitMetric("mneme_pending_requests", 3);
  model_->FailNext(absl::InternalError("the device broke"));
  model_->Release();
  v1::SegmentReply reply;
  EXPECT_FALSE(stream->Read(&reply));
  EXPECT_THAT(stream->Finish(), FailsWith(grpc::StatusCode::INTERNAL,
                                          HasSubstr("the device broke")));
  AwaitMetric("mneme_pending_requests", 0);
  EXPECT_EQ(Get("a").head().step(), 0);
  EXPECT_EQ(Get("a").tail(), 0);
}

TEST_F(SegmentStreamTest, RefusesAnotherSessionIdMidStream) {
  Open("a");
  Open("b");
  const StreamCall stream = Stream();
  ASSERT_TRUE(stream->Write(Request("a", {})));
  ASSERT_TRUE(stream->Write(Request("b", {})));
  v1::SegmentReply reply;
  EXPECT_TRUE(stream->Read(&reply));
  EXPECT_FALSE(stream->Read(&reply));
  EXPECT_THAT(stream->Finish(),
              FailsWith(grpc::StatusCode::INVALID_ARGUMENT,
                        AllOf(HasSubstr("session_id"), HasSubstr("'a'"),
                              HasSubstr("'b'"))));
}

TEST_F(SegmentStreamTest, RefusesAPlaceMidStream) {
  const v1::Session session = Open("a");
  const StreamCall stream = Stream();
  v1::SegmentRequest request = Request("a", {});
  *request.mutable_at()->mutable_handle() = session.head();
  ASSERT_TRUE(stream->Write(request));
  ASSERT_TRUE(stream->Write(request));
  v1::SegmentReply reply;
  EXPECT_TRUE(stream->Read(&reply));
  EXPECT_FALSE(stream->Read(&reply));
  EXPECT_THAT(stream->Finish(), FailsWith(grpc::StatusCode::INVALID_ARGUMENT,
                                          HasSubstr("at: only the first")));
}

TEST_F(SegmentStreamTest, RefusesMetadataThatNamesAnotherSession) {
  Open("a");
  context_.AddMetadata("mneme-session-id", "b");
  const StreamCall stream = Stream();
  ASSERT_TRUE(stream->Write(Request("a", {})));
  EXPECT_THAT(stream->Finish(),
              FailsWith(grpc::StatusCode::INVALID_ARGUMENT,
                        HasSubstr("metadata mneme-session-id")));
}

TEST_F(SegmentStreamTest, RefusesMetadataSentTwiceBeforeAnyMessage) {
  context_.AddMetadata("mneme-session-id", "a");
  context_.AddMetadata("mneme-session-id", "a");
  const StreamCall stream = Stream();
  EXPECT_THAT(stream->Finish(), FailsWith(grpc::StatusCode::INVALID_ARGUMENT,
                                          HasSubstr("more than once")));
}

TEST_F(SegmentStreamTest, ReadsNoFurtherThanTheWindowWhileNobodyReadsReplies) {
  constexpr int kMessages = 40;
  Open("a");
  Open("b");
  const StreamCall stream = Stream();
  std::thread writer([&] {
    for (int i = 0; i < kMessages; ++i) {
      EXPECT_TRUE(stream->Write(Request("a", Range(4 * i, 4))));
    }
    stream->WritesDone();
  });
  AwaitMetric("mneme_stream_messages_total", 4);
  for (int i = 0; i < 50; ++i) {
    v1::SegmentReply other;
    ASSERT_TRUE(Process(Request("b", Range(0, 4)), &other).ok());
  }
  EXPECT_EQ(Metric("mneme_stream_messages_total"), 4);
  EXPECT_EQ(Get("a").head().step(), 4);
  v1::SegmentReply reply;
  for (int i = 0; i < kMessages; ++i) {
    ASSERT_TRUE(stream->Read(&reply));
    EXPECT_EQ(reply.head().step(), i + 1);
  }
  EXPECT_EQ(LastSum(reply), Sum(Range(0, 4 * kMessages)));
  EXPECT_FALSE(stream->Read(&reply));
  writer.join();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(SegmentStreamTest, AStepUnderWayCommitsThoughTheCallerLeft) {
  const v1::Session session = Open("a");
  model_->Hold();
  const StreamCall stream = Stream();
  v1::SegmentRequest request = Request("a", Range(0, 4));
  *request.mutable_at()->mutable_handle() = session.head();
  ASSERT_TRUE(stream->Write(request));
  model_->AwaitHeld();
  context_.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  AwaitMetric("mneme_streams", 0);
  model_->Release();
  v1::SegmentReply reply;
  ASSERT_TRUE(Process(request, &reply).ok());
  ASSERT_EQ(reply.segments_size(), 1);
  EXPECT_EQ(reply.segments(0).source(), v1::AppliedSegment::KEPT);
  EXPECT_EQ(LastSum(reply), Sum(Range(0, 4)));
  EXPECT_EQ(reply.head().step(), 1);
}

TEST_F(SegmentStreamTest, AMessageStillQueuedIsDroppedWhenTheCallerLeaves) {
  Open("a");
  model_->Hold();
  const StreamCall stream = Stream();
  ASSERT_TRUE(stream->Write(Request("a", Range(0, 4))));
  ASSERT_TRUE(stream->Write(Request("a", Range(4, 4))));
  model_->AwaitHeld();
  AwaitMetric("mneme_pending_requests", 2);
  context_.TryCancel();
  AwaitMetric("mneme_streams", 0);
  model_->Release();
  AwaitMetric("mneme_pending_requests", 0);
  EXPECT_EQ(Get("a").head().step(), 1);
  EXPECT_EQ(Metric("mneme_requests_total", "CANCELLED"), 1);
}

TEST_F(SegmentStreamTest, AStreamRefusedForItsMetadataIsCounted) {
  context_.AddMetadata("mneme-session-id", "a");
  context_.AddMetadata("mneme-session-id", "b");
  const StreamCall stream = Stream();
  EXPECT_THAT(stream->Finish(), FailsWith(grpc::StatusCode::INVALID_ARGUMENT,
                                          HasSubstr("more than once")));
  AwaitMetric("mneme_streams", 0);
  EXPECT_EQ(Rpcs("Segments.Stream", "INVALID_ARGUMENT"), 1);
  EXPECT_EQ(Rpcs("Segments.Stream", "OK"), 0);
}

TEST_F(SegmentStreamTest, ManyStreamsKeepTheirOwnOrder) {
  constexpr int kStreams = 16;
  constexpr int kMessages = 30;
  std::vector<std::thread> clients;
  for (int s = 0; s < kStreams; ++s) {
    clients.emplace_back([this, s] {
      const std::string id = absl::StrCat("s", s);
      Open(id);
      grpc::ClientContext context;
      const StreamCall stream = segments_->Stream(&context);
      std::thread writer([&] {
        for (int i = 0; i < kMessages; ++i) {
          EXPECT_TRUE(stream->Write(Request(id, Range(s + 3 * i, 3))));
        }
        stream->WritesDone();
      });
      v1::SegmentReply reply;
      int segments = 0;
      int64_t last = 0;
      for (int i = 0; i < kMessages; ++i) {
        ASSERT_TRUE(stream->Read(&reply));
        segments += reply.segments_size();
        if (reply.segments_size() > 0) last = LastSum(reply);
      }
      writer.join();
      EXPECT_TRUE(stream->Finish().ok());
      EXPECT_EQ(segments, kMessages * 3 / 4);
      EXPECT_EQ(last, Sum(Range(s, kMessages * 3 / 4 * 4)));
    });
  }
  for (auto& client : clients) client.join();
}

}  // namespace
}  // namespace mneme
