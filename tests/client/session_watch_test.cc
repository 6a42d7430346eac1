#include "client/session_watch.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/client.h"
#include "client/error.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/fake_server.h"
#include "tests/testing/status_matchers.h"

namespace mneme::client {
namespace {

using ::absl::StatusCode;
using ::mneme::testing::ErrorStatus;
using ::mneme::testing::FakeServer;

v1::SessionEvent Expired(const std::string& id) {
  v1::SessionEvent event;
  event.set_kind(v1::SessionEvent::EXPIRED);
  event.set_session_id(id);
  event.set_reason("idle_ttl");
  event.mutable_last()->set_session_id(id);
  event.mutable_last()->set_step(7);
  event.mutable_time()->set_seconds(1'000'000'000);
  return event;
}

class SessionWatchTest : public ::testing::Test {
 protected:
  std::unique_ptr<SessionWatch> Watch(FakeServer::Options server,
                                      const std::vector<std::string>& ids) {
    server_ = std::make_unique<FakeServer>(std::move(server));
    Client::Options options;
    options.server = server_->address();
    const auto client = Client::Create(options);
    EXPECT_THAT(client, IsOk());
    // The watch outlives the client.
    return *(*client)->WatchSessions(ids);
  }

  std::unique_ptr<FakeServer> server_;
};

TEST_F(SessionWatchTest, EventsComeAsTheServerTellsThem) {
  FakeServer::Options options;
  options.events = {Expired("a"), Expired("b")};
  const auto watch = Watch(options, {"b"});
  ASSERT_OK_AND_ASSIGN(const SessionEvent ready, watch->Next());
  EXPECT_EQ(ready.kind, SessionEventKind::kReady);
  ASSERT_OK_AND_ASSIGN(const SessionEvent event, watch->Next());
  EXPECT_EQ(event.kind, SessionEventKind::kExpired);
  EXPECT_EQ(event.session_id, "b");
  EXPECT_EQ(event.reason, "idle_ttl");
  EXPECT_EQ(event.last.step, 7u);
  EXPECT_EQ(event.time, absl::FromUnixSeconds(1'000'000'000));
}

TEST_F(SessionWatchTest, CancelEndsIt) {
  const auto watch = Watch({}, {});
  EXPECT_THAT(watch->Next(), IsOk());
  watch->Cancel();
  EXPECT_THAT(watch->Next(), StatusIs(StatusCode::kCancelled));
  EXPECT_THAT(watch->Next(), StatusIs(StatusCode::kCancelled));
}

TEST_F(SessionWatchTest, TheEndSaysWhy) {
  FakeServer::Options options;
  options.watch_end = ErrorStatus(grpc::StatusCode::RESOURCE_EXHAUSTED, "slow",
                                  "WATCH_TOO_SLOW");
  const auto watch = Watch(options, {});
  EXPECT_THAT(watch->Next(), IsOk());
  const absl::Status end = watch->Next().status();
  EXPECT_THAT(end, StatusIs(StatusCode::kResourceExhausted));
  EXPECT_EQ(DetailsOf(end).reason, "WATCH_TOO_SLOW");
}

TEST_F(SessionWatchTest, AKindOfANewerServerIsOther) {
  FakeServer::Options options;
  options.events = {Expired("a")};
  options.events[0].set_kind(static_cast<v1::SessionEvent::Kind>(99));
  const auto watch = Watch(options, {});
  EXPECT_THAT(watch->Next(), IsOk());
  ASSERT_OK_AND_ASSIGN(const SessionEvent event, watch->Next());
  EXPECT_EQ(event.kind, SessionEventKind::kOther);
}

TEST_F(SessionWatchTest, MayBeDroppedWhileItGoesOn) { Watch({}, {}).reset(); }

}  // namespace
}  // namespace mneme::client
