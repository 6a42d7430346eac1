// Several servers on one Redis: which of them has a session, and what becomes
// of the one that had it.

#include <atomic>
#include <thread>

#include "absl/strings/str_cat.h"
#include "server/base/error_info.h"
#include "tests/server/session/shared_fixture.h"

namespace mneme {
namespace {

using ::absl::StatusCode;

class TakeoverTest : public SharedTest {
 protected:
  static bool IsNotOwner(const absl::Status& status) {
    return absl::IsUnavailable(status) &&
           GetErrorInfo(status).reason == "NOT_OWNER";
  }
  // Whether some server asked for "s".
  bool Asked() {
    const RedisReply keys = redis_.Run({"KEYS", "*:s:s"});
    if (keys.list.size() != 1) return false;
    const RedisReply until = redis_.Run({"HGET", keys.list[0].text, "x"});
    const RedisReply now = redis_.Run({"TIME"});
    return !until.is_nil() &&
           std::stoll(until.text) / 1'000'000 >= std::stoll(now.list[0].text);
  }
};

TEST_F(TakeoverTest, AnyServerContinuesASession) {
  const auto a = Serve();
  const auto b = Serve();
  Position at = a->Open("s")->head;
  std::vector<int32_t> sent;
  for (int32_t step = 0; step < 6; ++step) {
    SharingServer& server = step % 2 == 0 ? *a : *b;
    const std::vector<int32_t> tokens = Range(4 * step, 4);
    sent.insert(sent.end(), tokens.begin(), tokens.end());
    const auto reply = server.Send("s", at, tokens);
    ASSERT_OK(reply);
    ASSERT_EQ(reply->segments.size(), 1u);
    EXPECT_EQ(LastSum(reply), Oracle(sent));
    at = reply->head;
  }
  EXPECT_EQ(at.handle.step, 6u);
}

TEST_F(TakeoverTest, AnOwnerThatIsBusyReleasesAtASegmentsEnd) {
  options_.lease = absl::Minutes(10);  // it never runs out
  const auto b = Serve();
  limits_.takeover_wait = absl::Milliseconds(20);
  const auto a = Serve();
  const Position start = a->Open("s")->head;
  std::atomic<bool> stop = false;
  std::atomic<uint64_t> steps = 0;
  std::thread busy([&] {
    Position at = start;
    while (!stop) {
      const auto reply = a->Send("s", at, Range(0, 4));
      if (!reply.ok()) break;
      at = reply->head;
      steps = at.handle.step;
    }
  });
  EXPECT_TRUE(Await([&] { return steps >= 3; }));
  const auto info = b->Touch("s", TouchChange());
  stop = true;
  busy.join();
  ASSERT_OK(info);
  EXPECT_EQ(b->taken_over(), 1);
  EXPECT_GE(a->released(), 1);
  EXPECT_GE(info->head.handle.step, 3u);
}

TEST_F(TakeoverTest, WhoWaitsInVainIsToldWhenToRetry) {
  options_.lease = absl::Minutes(10);
  const auto a = Serve();
  limits_.takeover_wait = absl::Milliseconds(20);
  const auto b = Serve();
  const Position start = a->Open("s")->head;
  const auto refused = b->Send("s", start, Range(0, 4));
  EXPECT_TRUE(IsNotOwner(refused.status())) << refused.status();
  EXPECT_EQ(GetErrorInfo(refused.status()).retry_after, absl::Seconds(1));
}

// A message of many segments is left in the middle, and sent again elsewhere.
TEST_F(TakeoverTest, ALongMessageIsTakenOverHalfway) {
  options_.lease = absl::Minutes(10);
  const auto a = Serve();
  const auto b = Serve();
  const Position start = a->Open("s")->head;
  a->model().HoldAfter(2);
  const std::vector<int32_t> tokens = Range(0, 40);
  const auto at_a = a->Begin("s", start, tokens);
  a->model().AwaitHeld();
  std::thread at_b([&] {
    const auto reply = b->Send("s", start, tokens);
    ASSERT_OK(reply);
    ASSERT_EQ(reply->segments.size(), 10u);
    EXPECT_EQ(reply->segments[0].source, SegmentSource::kKept);
    EXPECT_EQ(reply->segments[2].source, SegmentSource::kKept);
    EXPECT_EQ(reply->segments[3].source, SegmentSource::kComputed);
    EXPECT_EQ(LastSum(reply), Oracle(tokens));
  });
  EXPECT_TRUE(Await([&] { return Asked(); }));
  a->model().Release();
  at_b.join();
  EXPECT_TRUE(IsNotOwner(at_a.Get().status())) << at_a.Get().status();
  EXPECT_EQ(a->released(), 1);
}

TEST_F(TakeoverTest, AnOwnerThatSleptIsFencedAndFindsTheStepOfTheOther) {
  const auto a = Serve();
  const auto b = Serve();
  const Position start = a->Open("s")->head;
  a->model().Hold();
  const auto late = a->Begin("s", start, Range(0, 4));
  a->model().AwaitHeld();
  const auto reply = b->Send("s", start, Range(0, 8));
  ASSERT_OK(reply);
  a->model().Release();
  EXPECT_TRUE(IsNotOwner(late.Get().status())) << late.Get().status();
  const auto retry = a->Send("s", start, Range(0, 4));
  ASSERT_OK(retry);
  EXPECT_EQ(retry->segments[0].source, SegmentSource::kKept);
  EXPECT_EQ(retry->head.handle, reply->head.handle);
  EXPECT_EQ(LastSum(a->Send("s", retry->head, Range(8, 4))),
            Oracle(Range(0, 12)));
}

TEST_F(TakeoverTest, AStaleServerTellsTheTrueHeadOfAConflict) {
  const auto a = Serve();
  const auto b = Serve();
  const Position start = a->Open("s")->head;
  const auto there = b->Send("s", start, Range(0, 8));
  ASSERT_OK(there);
  const auto conflict = a->Send("s", start, Range(9, 4));
  EXPECT_THAT(conflict, StatusIs(StatusCode::kAborted));
  EXPECT_EQ(GetErrorInfo(conflict.status()).metadata.at("head"),
            there->head.handle.ToString());
}

TEST_F(TakeoverTest, WhatOthersAcknowledgedIsNotOverwritten) {
  const auto a = Serve();
  const auto b = Serve();
  const Position start = a->Open("s")->head;
  const auto stepped = a->Send("s", start, Range(0, 8));
  ASSERT_OK(stepped);
  TouchChange pin;
  pin.pin = {stepped->head.handle};
  ASSERT_OK(b->Touch("s", pin));
  ASSERT_OK(a->Send("s", stepped->head, Range(8, 4)));
  const auto info = a->Get("s");
  ASSERT_OK(info);
  EXPECT_THAT(info->pinned, ::testing::ElementsAre(stepped->head.handle));
}

TEST_F(TakeoverTest, AServerThatDiedIsWaitedForAsLongAsItsLease) {
  options_.lease = absl::Milliseconds(300);
  auto a = Serve();
  const auto b = Serve();
  const Position start = a->Open("s")->head;
  ASSERT_OK(a->Send("s", start, Range(0, 4)));
  a.reset();
  const auto reply = b->Send("s", start, Range(0, 8));
  ASSERT_OK(reply);
  EXPECT_EQ(reply->segments[0].source, SegmentSource::kKept);
  EXPECT_EQ(LastSum(reply), Oracle(Range(0, 8)));
  EXPECT_EQ(b->taken_over(), 1);
}

// Who only tries to make a session of that id does not get it.
TEST_F(TakeoverTest, AnOpenOfATakenIdInterruptsNobody) {
  options_.lease = absl::Minutes(10);
  const auto a = Serve();
  const auto b = Serve();
  Position at = a->Open("s")->head;
  for (int i = 0; i < 5; ++i) {
    EXPECT_THAT(b->Open("s"), StatusIs(StatusCode::kAlreadyExists));
    EXPECT_OK(b->Get("s"));
    const auto reply = a->Send("s", at, Range(0, 4));
    ASSERT_OK(reply);
    at = reply->head;
  }
  EXPECT_EQ(a->released(), 0);
}

// One that asked and went away gets nothing a while later.
TEST_F(TakeoverTest, ARequestIsForgotten) {
  options_.lease = absl::Minutes(10);
  const auto a = Serve();
  limits_.takeover_wait = absl::Milliseconds(1);
  const auto b = Serve();
  Position at = a->Open("s")->head;
  EXPECT_TRUE(IsNotOwner(b->Send("s", at, Range(0, 4)).status()));
  ASSERT_TRUE(Await([&] { return !Asked(); }));
  ASSERT_OK(a->Send("s", at, Range(0, 4)));
  EXPECT_EQ(a->released(), 0);
}

// A call outlives its lease, others change the record meanwhile, and the server
// is asked to look at the session before its call is done.
TEST_F(TakeoverTest, ALateCommitDoesNotUndoWhatOthersAcknowledged) {
  const auto a = Serve();
  const auto b = Serve();
  const Position start = a->Open("s")->head;
  const auto stepped = a->Send("s", start, Range(0, 4));
  ASSERT_OK(stepped);
  a->model().Hold();
  const auto late = a->Begin("s", stepped->head, Range(4, 4));
  a->model().AwaitHeld();
  TouchChange pin;
  pin.pin = {stepped->head.handle};
  ASSERT_OK(b->Touch("s", pin));
  // Waits for the call, and so does not acquire the session under it.
  Pending<absl::StatusOr<SessionInfo>> opened;
  a->manager().Open({"default", "s"}, {}, opened.Setter());
  ASSERT_OK(a->Get("s"));
  EXPECT_FALSE(opened.ready());
  a->model().Release();
  EXPECT_THAT(opened.Get(), StatusIs(StatusCode::kAlreadyExists));
  EXPECT_TRUE(IsNotOwner(late.Get().status())) << late.Get().status();
  EXPECT_THAT(b->Get("s")->pinned,
              ::testing::ElementsAre(stepped->head.handle));
}

TEST_F(TakeoverTest, ATailThatWasDroppedElsewhereIsNotTakenUpAgain) {
  const auto a = Serve();
  const auto b = Serve();
  const Position start = a->Open("s")->head;
  const auto stepped = a->Send("s", start, Range(0, 6));
  ASSERT_OK(stepped);
  ASSERT_OK(b->Rollback("s", stepped->head.handle));
  // Once its lease is over.
  absl::StatusOr<SegmentReply> reply;
  ASSERT_TRUE(Await([&] {
    reply = a->Send("s", Position{stepped->head.handle, 0}, Range(50, 4));
    return reply.ok();
  }));
  std::vector<int32_t> all = Range(0, 4);
  for (const int32_t token : Range(50, 4)) all.push_back(token);
  EXPECT_EQ(LastSum(reply), Oracle(all));
}

}  // namespace
}  // namespace mneme
