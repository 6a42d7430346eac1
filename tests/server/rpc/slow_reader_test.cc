// What a client that does not read, or sends more than the device does, may
// cost: bytes, not messages, are bounded.

#include <malloc.h>

#include <algorithm>
#include <thread>

#include "server/rpc/segment_stream.h"
#include "tests/server/rpc/server_fixture.h"
#include "tests/testing/pending.h"

namespace mneme {
namespace {

constexpr int32_t kWide = 1 << 16;  // tokens in a segment of the model "wide"
constexpr double kMiB = 1 << 20;

// What this process, client and server, has allocated and not freed. (0 with
// AddressSanitizer, whose allocator does not tell.)
int64_t AllocatedBytes() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<int64_t>(info.uordblks + info.hblkhd);
}

class SlowReaderTest : public ServerFixture {
 protected:
  void SetUp() override {
    more_models_.push_back(std::make_unique<FakeModel>(kWide, "wide"));
    config_.max_reply_bytes = int64_t{2} << 20;
    config_.queue_bytes = int64_t{8} << 20;
    config_.stream_window = 16;
    Start();
  }
};

TEST_F(SlowReaderTest, PinsABoundedNumberOfBytesWhileOthersGoOn) {
  constexpr int kMessages = 64;  // of replies of 512 KiB each: 32 MiB
  Open("slow", "wide");
  Open("quick", "fake");
  const auto segments = v1::Segments::NewStub(Connect());
  grpc::ClientContext context;
  const auto stream = segments->Stream(&context);
  std::thread writer([&] {
    for (int i = 0; i < kMessages; ++i) {
      EXPECT_TRUE(stream->Write(Request("slow", Range(0, kWide))));
    }
    stream->WritesDone();
  });
  // Nothing is read before the other session had its 200 answers.
  while (Metric("mneme_segments_total", "computed") < 1) Get("quick");
  double most = 0;
  const int64_t allocated = AllocatedBytes();
  v1::SegmentReply reply;
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(Process(Request("quick", Range(4 * i, 4)), &reply).ok());
    most = std::max(most, Metric("mneme_queue_bytes"));
  }
  EXPECT_GT(most, 1 * kMiB);
  EXPECT_LT(most, 4 * kMiB);
  EXPECT_LT(Metric("mneme_stream_replies_total"), kMessages / 2);
  // Of the 32 MiB that were asked for, on both sides.
  EXPECT_LT(AllocatedBytes() - allocated, 16 << 20);
  for (int i = 0; i < kMessages; ++i) {
    ASSERT_TRUE(stream->Read(&reply));
    EXPECT_EQ(reply.head().step(), i + 1);
  }
  EXPECT_FALSE(stream->Read(&reply));
  writer.join();
  EXPECT_TRUE(stream->Finish().ok());
  AwaitMetric("mneme_streams", 0);
  EXPECT_EQ(Metric("mneme_queue_bytes"), 0);
}

TEST_F(SlowReaderTest, WhatDoesNotFitIsRefusedWithATimeToRetry) {
  config_.queue_bytes = 1 << 19;
  TearDown();
  more_models_.push_back(std::make_unique<FakeModel>(kWide, "wide"));
  Start();
  Open("a", "fake");
  Open("b", "wide");
  model_->Hold();
  grpc::ClientContext context;
  const v1::SegmentRequest first = Request("a", Range(0, 4));
  v1::SegmentReply first_reply;
  Pending<grpc::Status> status;
  segments_->async()->Process(&context, &first, &first_reply, status.Setter());
  model_->AwaitHeld();
  EXPECT_GT(Metric("mneme_queue_bytes"), 0);

  v1::SegmentReply reply;
  const v1::SegmentRequest large = Request("b", Range(0, kWide));
  const CallError error = ErrorOf(Process(large, &reply));
  EXPECT_EQ(error.code, grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(error.reason, "QUEUE_FULL");
  EXPECT_GT(error.retry_seconds, 0);

  model_->Release();
  EXPECT_TRUE(status.Get().ok());
  AwaitMetric("mneme_queue_bytes", 0);
  EXPECT_TRUE(Process(large, &reply).ok());
}

TEST_F(SlowReaderTest, AReplyAboveTheLimitIsRefused) {
  Open("a", "wide");
  v1::SegmentReply reply;
  EXPECT_THAT(Process(Request("a", Range(0, 4 * kWide)), &reply),
              FailsWith(grpc::StatusCode::INVALID_ARGUMENT,
                        ::testing::HasSubstr("more than 2097152 bytes")));
}

}  // namespace
}  // namespace mneme
