// Streams of the oracle whose messages are cancelled, refused or too late: what
// is sent again gets the oracle's answers, and nothing is applied twice.

#include <cstring>
#include <memory>

#include "client/error.h"
#include "gmock/gmock.h"
#include "model/memory/oracle.h"
#include "tests/integration/oracle_stream.h"
#include "tests/integration/test_server.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::mneme::client::ResultSource;
using ::testing::ElementsAre;

constexpr uint32_t kSegment = 8;

class RefusalTest : public ::testing::Test {
 protected:
  void Start(Config config = {}, Clock* clock = Clock::Real()) {
    TestServer::WriteOracle(folder_, kSegment);
    server_ = std::make_unique<TestServer>(
        std::vector<std::string>{folder_.path()}, std::move(config),
        TestServerOptions{clock, /*held=*/true});
    client_ = OracleStream::Connect(server_->address());
  }

  TestFolder folder_;
  FakeClock fake_clock_;  // outlives the server
  std::unique_ptr<TestServer> server_;
  std::unique_ptr<client::Client> client_;
};

TEST_F(RefusalTest, CancelledStreamsAreSentAgainAndAppliedOnce) {
  Config config;
  config.prefix_index = 0;  // both send the same
  Start(config);
  const auto at_device = OracleStream::OpenSession(*client_, "a", kSegment);
  const auto in_queue = OracleStream::OpenSession(*client_, "b", kSegment);
  const auto tokens = OracleTokens(1, 3 * kSegment + 5);
  server_->held().Hold();
  {
    OracleStream first(*client_, at_device);
    first.Write(tokens);
    server_->held().AwaitHeld();
    OracleStream second(*client_, in_queue);
    second.Write(tokens);
    server_->AwaitMetric("mneme_waiting_segments", 1);
    first.Cancel();
    second.Cancel();
    EXPECT_THAT(first.Wait(), StatusIs(absl::StatusCode::kCancelled));
    EXPECT_THAT(second.Wait(), StatusIs(absl::StatusCode::kCancelled));
  }
  server_->AwaitMetric("mneme_streams", 0);
  server_->held().Release();
  server_->AwaitMetric("mneme_pending_requests", 0);
  EXPECT_EQ(server_->Get("a").head().step(), 1u);
  EXPECT_EQ(server_->Get("b").head().step(), 0u);
  OracleStream first(*client_, at_device);
  OracleStream second(*client_, in_queue);
  for (OracleStream* stream : {&first, &second}) {
    stream->Write(tokens);
    stream->Finish();
  }
  const auto computed = ResultSource::kComputed;
  EXPECT_THAT(first.sources(),
              ElementsAre(ResultSource::kKept, computed, computed, computed));
  EXPECT_THAT(second.sources(),
              ElementsAre(computed, computed, computed, computed));
  const v1::MemoryHandle head = server_->Get("a").head();
  EXPECT_EQ(head.step(), 4u);
  EXPECT_EQ(server_->Get("b").head().step(), 4u);
  EXPECT_EQ(server_->Get("b").head().digest(), head.digest())
      << "the same tokens on the same model";
}

TEST_F(RefusalTest, AStreamWhoseQueueWasFullGoesOn) {
  Config config;
  config.queue_per_session = 1;
  Start(config);
  auto options = OracleStream::OpenSession(*client_, "s", kSegment);
  options.window = 4;
  server_->held().Hold();
  OracleStream stream(*client_, options);
  stream.Write(OracleTokens(1, 9 * kSegment + 2));
  server_->held().AwaitHeld();
  server_->AwaitMetric("mneme_requests_total", 1, "RESOURCE_EXHAUSTED");
  server_->held().Release();
  stream.AwaitRetries(1);
  const absl::Status error = stream.retries().front();
  EXPECT_THAT(error, StatusIs(absl::StatusCode::kResourceExhausted));
  const client::ErrorDetails details = client::DetailsOf(error);
  EXPECT_EQ(details.reason, "QUEUE_FULL");
  EXPECT_GT(details.retry_delay.value_or(absl::ZeroDuration()),
            absl::ZeroDuration());
  stream.Finish();
  EXPECT_EQ(server_->Get("s").head().step(), 10u);
}

TEST_F(RefusalTest, AMessageOfAStreamThatComesTooLateIsSentAgain) {
  Start({}, &fake_clock_);
  const auto tokens = OracleTokens(1, 2 * kSegment);
  v1::SegmentRequest first =
      RequestAt("s", PositionOf(server_->Open("s")),
                {tokens.begin(), tokens.begin() + kSegment}, {"state"});
  v1::SegmentRequest late = first;
  late.clear_at();
  late.mutable_tokens()->mutable_ids()->Assign(tokens.begin() + kSegment,
                                               tokens.end());
  late.mutable_timeout()->set_seconds(2);
  server_->held().Hold();
  grpc::ClientContext context;
  const auto stream = server_->segments().Stream(&context);
  ASSERT_TRUE(stream->Write(first));
  ASSERT_TRUE(stream->Write(late));
  server_->held().AwaitHeld();
  server_->AwaitMetric("mneme_pending_requests", 2);
  fake_clock_.Advance(absl::Seconds(3));
  server_->held().Release();
  v1::SegmentReply reply;
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_FALSE(stream->Read(&reply));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(server_->Get("s").head().step(), 1u);
  *late.mutable_at() = reply.next();
  late.clear_timeout();
  reply = server_->Process(late);
  ASSERT_EQ(reply.segments_size(), 1);
  const std::string& data = reply.segments(0).result().outputs(0).data();
  int64_t state = 0;
  ASSERT_EQ(data.size(), kSegment * sizeof state);
  std::memcpy(&state, data.data() + data.size() - sizeof state, sizeof state);
  EXPECT_EQ(state, OracleState(tokens));
  EXPECT_EQ(reply.head().step(), 2u);
}

}  // namespace
}  // namespace mneme
