#include "client/cli/session_feed.h"

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/fake_server.h"
#include "tests/client/manual_timer.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_folder.h"

namespace mneme::cli {
namespace {

using ::mneme::testing::ErrorStatus;
using ::mneme::testing::FakeServer;
using ::mneme::testing::ManualTimer;
using ::testing::HasSubstr;

constexpr char kText[] = "The quick brown fox jumps over the lazy dog";

// Counts what feeds report. Thread-safe.
class CountingObserver : public FeedObserver {
 public:
  void OnSegment(size_t part, const client::SegmentResult& segment) override {
    MutexLock lock(&mu_);
    EXPECT_EQ(part, 4u);
    tokens += segment.num_tokens;
  }
  void OnRetry(size_t /*part*/, const absl::Status& /*error*/,
               const client::MemoryHandle& /*from*/) override {
    MutexLock lock(&mu_);
    ++retries;
  }
  void OnDone(size_t /*part*/, const absl::Status& s) override {
    MutexLock lock(&mu_);
    ++done;
    status = s;
  }

  uint64_t tokens = 0;
  int retries = 0;
  int done = 0;
  absl::Status status;

 private:
  Mutex mu_;
};

class SessionFeedTest : public ::testing::Test {
 protected:
  void SetUp() override {
    client::Client::Options options;
    options.server = server_.address();
    options.timer = std::make_shared<ManualTimer>(/*at_once=*/true);
    ASSERT_OK_AND_ASSIGN(client_, client::Client::Create(options));
    client::SessionSpec spec;
    spec.session_id = "s";
    ASSERT_OK_AND_ASSIGN(auto session, client_->OpenSession(spec));
    start_ = {session.head.handle, {folder_.Write("text", kText), 0, 43}};
    options_.segment_size = 8;
    options_.text = true;
    options_.max_message_tokens = 5;
  }

  void Run() {
    ASSERT_OK_AND_ASSIGN(PartReader reader, PartReader::Open(start_.rest));
    feed_ =
        std::make_unique<SessionFeed>(4, start_, std::move(reader), &observer_);
    ASSERT_THAT(feed_->Start(*client_, options_), IsOk());
    feed_->Wait().IgnoreError();
  }

  TempFolder folder_;
  FakeServer server_;
  std::unique_ptr<client::Client> client_;
  ResumePoint start_;
  client::StreamOptions options_;
  CountingObserver observer_;
  std::unique_ptr<SessionFeed> feed_;
};

TEST_F(SessionFeedTest, FeedsTheWholePartAndFlushesItsEnd) {
  Run();
  EXPECT_THAT(observer_.status, IsOk());
  EXPECT_EQ(observer_.done, 1);
  EXPECT_EQ(observer_.tokens, 43u);
  EXPECT_EQ(server_.TextOf("s"), kText);
  ResumePoint rest = feed_->Rest();
  EXPECT_EQ(rest.handle.step, 6u);
  EXPECT_EQ(rest.rest.begin, 43u);
}

TEST_F(SessionFeedTest, AfterAnErrorTheRestStartsAtTheDurableHandle) {
  server_.AddFault({5, ErrorStatus(grpc::StatusCode::DATA_LOSS, "torn", "X")});
  Run();
  EXPECT_THAT(observer_.status, StatusIs(absl::StatusCode::kDataLoss));
  ResumePoint rest = feed_->Rest();
  EXPECT_EQ(rest.handle.step, 2u);
  EXPECT_EQ(rest.rest.begin, 16u);
  EXPECT_EQ(rest.rest.end, 43u);
}

TEST_F(SessionFeedTest, RetriesFeedEveryByteOnce) {
  for (int message : {2, 5, 7, 12}) {
    server_.AddFault({message,
                      ErrorStatus(grpc::StatusCode::UNAVAILABLE, "gone", ""),
                      message % 2 == 1});
  }
  Run();
  EXPECT_THAT(observer_.status, IsOk());
  EXPECT_EQ(observer_.retries, 4);
  EXPECT_EQ(observer_.tokens, 43u);
  EXPECT_EQ(server_.TextOf("s"), kText);
}

TEST_F(SessionFeedTest, AFileThatBecameShorterIsTheSessionsError) {
  start_.rest.end = 100;
  Run();
  EXPECT_THAT(observer_.status,
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("too early")));
  EXPECT_EQ(observer_.done, 1);
}

}  // namespace
}  // namespace mneme::cli
