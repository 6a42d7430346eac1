// What the client does with the values of sessions: rollback, pins, forks.
#include <string>

#include "client/error.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/client_fixture.h"

namespace mneme::client {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;

constexpr char kThree[] = "12345678abcdefgh12345678";  // segments

TEST_F(ClientTest, RollsASessionBackToAHandle) {
  SessionSpec spec;
  spec.session_id = "a";
  ASSERT_OK_AND_ASSIGN(const SessionInfo opened, client_->OpenSession(spec));
  const MemoryHandle start = opened.head.handle;
  ASSERT_OK_AND_ASSIGN(const SessionInfo back,
                       client_->RollbackSession(start, &start));
  EXPECT_EQ(back.head.handle, start);
  MemoryHandle other = start;
  other.step = 9;
  EXPECT_THAT(client_->RollbackSession(start, &other), IsOk());
  EXPECT_THAT(client_->RollbackSession(other, &start),
              StatusIs(absl::StatusCode::kAborted));
  other.session_id = "none";
  EXPECT_THAT(client_->RollbackSession(other),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(ClientTest, PinsAndUnpinsValues) {
  const SessionInfo session = OpenWith("a", kThree);
  EXPECT_THAT(session.pinned, IsEmpty());
  const MemoryHandle first = session.retained[1];
  const MemoryHandle second = session.retained[2];
  ASSERT_OK_AND_ASSIGN(SessionInfo touched,
                       client_->TouchSession("a", {.pin = {second, first}}));
  EXPECT_THAT(touched.pinned, ElementsAre(first, second));
  ASSERT_OK_AND_ASSIGN(touched, client_->TouchSession("a", {.unpin = {first}}));
  EXPECT_THAT(touched.pinned, ElementsAre(second));
  ASSERT_OK_AND_ASSIGN(touched, client_->TouchSession("a"));
  EXPECT_THAT(touched.pinned, ElementsAre(second));
  EXPECT_EQ(server_.session_metadata().back(), "a");
}

TEST_F(ClientTest, TtlsAreSetAndChanged) {
  SessionSpec spec;
  spec.session_id = "a";
  spec.max_age = absl::Hours(24);
  ASSERT_OK_AND_ASSIGN(SessionInfo session, client_->OpenSession(spec));
  EXPECT_EQ(session.max_age, absl::Hours(24));
  EXPECT_EQ(session.idle_ttl, absl::InfiniteDuration());
  EXPECT_EQ(session.expires, absl::InfiniteFuture());
  SessionChanges changes;
  changes.idle_ttl = absl::Seconds(1.5);
  ASSERT_OK_AND_ASSIGN(session, client_->TouchSession("a", changes));
  EXPECT_EQ(session.idle_ttl, absl::Seconds(1.5));
  EXPECT_EQ(session.max_age, absl::Hours(24));
  EXPECT_EQ(session.expires, absl::FromUnixSeconds(1));
}

TEST_F(ClientTest, AValueThatTheSessionHasNotCannotBePinned) {
  MemoryHandle wrong = OpenWith("a", kThree).retained[1];
  wrong.digest[0] = static_cast<char>(wrong.digest[0] ^ 1);
  const auto touched = client_->TouchSession("a", {.pin = {wrong}});
  EXPECT_THAT(touched, StatusIs(absl::StatusCode::kAborted));
  EXPECT_EQ(DetailsOf(touched.status()).reason, "VERSION_CONFLICT");
  EXPECT_THAT(client_->TouchSession("none"),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(ClientTest, ForksTheHeadIntoASessionOfADrawnId) {
  const SessionInfo session = OpenWith("a", kThree);
  ASSERT_OK_AND_ASSIGN(const SessionInfo fork, client_->ForkSession("a"));
  EXPECT_THAT(fork.session_id, MatchesRegex("[0-9a-f]{32}"));
  EXPECT_EQ(fork.head.handle.session_id, fork.session_id);
  EXPECT_EQ(fork.head.handle.step, 3u);
  EXPECT_EQ(fork.head.handle.digest, session.head.handle.digest);
  EXPECT_EQ(server_.TextOf(fork.session_id), kThree);
  EXPECT_EQ(server_.session_metadata().back(), "a");
}

TEST_F(ClientTest, ForksAnOlderValueIntoASessionOfItsOwn) {
  const MemoryHandle from = OpenWith("a", kThree).retained[1];
  ASSERT_OK_AND_ASSIGN(const SessionInfo fork,
                       client_->ForkSession("a", "b", &from));
  EXPECT_EQ(fork.session_id, "b");
  EXPECT_EQ(fork.head.handle.step, 1u);
  server_.WriteAsSomebodyElse("b", "other...");
  EXPECT_EQ(server_.TextOf("a"), kThree);
  EXPECT_EQ(server_.TextOf("b"), "12345678other...");
  EXPECT_THAT(client_->ForkSession("a", "b", &from),
              StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(client_->ForkSession("none"),
              StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace mneme::client
