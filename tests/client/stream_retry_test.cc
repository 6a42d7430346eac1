#include <string>

#include "client/session_stream.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/session_stream_fixture.h"

namespace mneme::client {
namespace {

using ::mneme::testing::ErrorStatus;
using ::mneme::testing::FakeServer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// How a stream goes on after its call ended; the main cases are
// SessionStreamTest's.
class StreamRetryTest : public SessionStreamTest {};

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
