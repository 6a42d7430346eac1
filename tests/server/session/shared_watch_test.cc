// Several servers on one Redis: whoever watches is told of the sessions of all.

#include "tests/server/session/recorded_events.h"
#include "tests/server/session/shared_fixture.h"
#include "tests/testing/fake_clock.h"

namespace mneme {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

class SharedWatchTest : public SharedTest {
 protected:
  static auto WatchOn(SharingServer* server,
                      std::shared_ptr<RecordedEvents> watcher,
                      std::set<std::string> ids = {}) {
    auto watching = Watch(&server->manager(), {"default", std::move(ids)},
                          std::move(watcher));
    EXPECT_OK(watching);
    return watching;
  }

  const std::shared_ptr<RecordedEvents> watcher_ =
      std::make_shared<RecordedEvents>();
};

TEST_F(SharedWatchTest, AnEndIsToldOnEveryServer) {
  const auto a = Serve();
  const auto b = Serve();
  const auto other = std::make_shared<RecordedEvents>();
  const auto on_a = WatchOn(a.get(), watcher_);
  const auto on_b = WatchOn(b.get(), other);
  ASSERT_OK(a->Open("s"));
  const MemoryHandle head =
      a->Send("s", std::nullopt, Range(0, 4))->head.handle;
  ASSERT_OK(a->Close("s"));
  for (RecordedEvents* watcher : {watcher_.get(), other.get()}) {
    EXPECT_THAT(watcher->Await(1), ElementsAre("s closed"));
    EXPECT_EQ(watcher->events()[0].last, head);
  }
}

TEST_F(SharedWatchTest, WhatEndedBeforeIsNotTold) {
  const auto a = Serve();
  const auto b = Serve();
  ASSERT_OK(a->Open("before"));
  ASSERT_OK(a->Close("before"));
  const auto subscription = WatchOn(b.get(), watcher_);
  ASSERT_OK(a->Open("after"));
  ASSERT_OK(a->Close("after"));
  EXPECT_THAT(watcher_->Await(1), ElementsAre("after closed"));
}

TEST_F(SharedWatchTest, NorToOneWhoBeganLaterThanOthers) {
  const auto a = Serve();
  const auto b = Serve();
  const auto first = WatchOn(b.get(), std::make_shared<RecordedEvents>());
  ASSERT_OK(a->Open("before"));
  ASSERT_OK(a->Close("before"));
  const auto second = WatchOn(b.get(), watcher_);
  ASSERT_OK(a->Open("after"));
  ASSERT_OK(a->Close("after"));
  EXPECT_THAT(watcher_->Await(1), ElementsAre("after closed"));
}

TEST_F(SharedWatchTest, OfOneSessionInTheOrderOfItsEnds) {
  const auto a = Serve();
  const auto b = Serve();
  const auto subscription = WatchOn(b.get(), watcher_, {"s"});
  for (int i = 0; i < 300; ++i) {
    ASSERT_OK(a->Open("s"));
    ASSERT_OK(a->Open("other"));
    ASSERT_OK(a->Close("other"));
    ASSERT_OK(a->Close("s"));
  }
  EXPECT_THAT(watcher_->Await(300), Each("s closed"));
}

TEST_F(SharedWatchTest, ASessionWhoseServerDiedExpiresForThoseWhoWatch) {
  const auto b = Serve();
  const auto subscription = WatchOn(b.get(), watcher_);
  {
    FakeClock clock;  // it does not end there
    SharingServer a(options_, limits_, &clock);
    SessionManager::OpenRequest request;
    request.idle_ttl = absl::Milliseconds(200);
    ASSERT_OK(a.Open("s", request));
  }
  EXPECT_THAT(watcher_->Await(2), ElementsAre("s moved", "s idle_ttl"));
}

TEST_F(SharedWatchTest, AMoveIsToldOnce) {
  const auto a = Serve();
  const auto b = Serve();
  const auto subscription = WatchOn(a.get(), watcher_);
  const auto opened = a->Open("s");
  ASSERT_OK(opened);
  const auto first = b->Send("s", opened->head, Range(0, 4));
  ASSERT_OK(first);
  const auto second = b->Send("s", first->head, Range(4, 4));
  ASSERT_OK(second);
  watcher_->Await(1);  // told by another server than the next
  ASSERT_OK(a->Send("s", second->head, Range(8, 4)));
  watcher_->Await(2);
  ASSERT_OK(a->Close("s"));
  EXPECT_THAT(watcher_->Await(3),
              ElementsAre("s moved", "s moved", "s closed"));
  EXPECT_EQ(watcher_->events()[0].last, opened->head.handle);
  EXPECT_EQ(watcher_->events()[1].last, second->head.handle);
}

TEST_F(SharedWatchTest, WhatIsHandedOverUnderLoadMoves) {
  options_.lease = absl::Seconds(30);
  const auto a = Serve();
  const auto b = Serve();
  const auto subscription = WatchOn(b.get(), watcher_);
  Position at = a->Open("s")->head;
  const auto taken = b->Begin("s", at, Range(0, 4));
  // The owner's next commit hands it over.
  for (int32_t next = 0; a->released() == 0; next += 4) {
    const auto reply = a->Send("s", at, Range(next, 4));
    ASSERT_OK(reply);
    at = reply->head;
  }
  ASSERT_OK(taken.Get());
  EXPECT_THAT(watcher_->Await(1), ElementsAre("s moved"));
}

TEST_F(SharedWatchTest, ASessionThatStaysDoesNotMove) {
  limits_.keep_unused = absl::Milliseconds(20);
  const auto a = Serve();
  const auto subscription = WatchOn(a.get(), watcher_);
  Position at = a->Open("s")->head;
  for (int32_t i = 0; i < 5; ++i) {
    // Until it is let go, and has to be found again.
    ASSERT_TRUE(Await([&] { return a->manager().stats().sessions == 0; }));
    const auto reply = a->Send("s", at, Range(4 * i, 4));
    ASSERT_OK(reply);
    at = reply->head;
  }
  ASSERT_OK(a->Close("s"));
  EXPECT_THAT(watcher_->Await(1), ElementsAre("s closed"));
}

TEST_F(SharedWatchTest, WhoMissedSomeIsTold) {
  const auto a = Serve();
  const auto subscription = WatchOn(a.get(), watcher_);
  ASSERT_OK(a->Open("s"));
  ASSERT_OK(a->Close("s"));
  watcher_->Await(1);
  // Redis lost all that it had.
  redis_.Run({"DEL", "mneme:{all}notes", "mneme:{all}noted"});
  ASSERT_OK(a->Open("s"));
  ASSERT_OK(a->Close("s"));
  watcher_->AwaitMissed();
}

TEST_F(SharedWatchTest, WhereTheStoreForgotTheNewestNotesSomeWereMissed) {
  const auto a = Serve();
  const auto subscription = WatchOn(a.get(), watcher_);
  ASSERT_OK(a->Open("s"));
  ASSERT_OK(a->Close("s"));
  watcher_->Await(1);
  redis_.Run({"DEL", "mneme:{all}notes"});
  redis_.Run({"SET", "mneme:{all}noted", "5"});
  watcher_->AwaitMissed();
}

TEST_F(SharedWatchTest, AServerWithFewPlacesServesAllSessionsInTurn) {
  limits_.sessions = 2;
  limits_.keep_unused = absl::Hours(1);
  const auto a = Serve();
  std::map<std::string, Position> at;
  for (const char* id : {"p", "q", "r", "s", "t"}) {
    const auto opened = a->Open(id);
    ASSERT_OK(opened);
    at[id] = opened->head;
  }
  for (int32_t i = 0; i < 3; ++i) {
    for (auto& [id, position] : at) {
      const auto reply = a->Send(id, position, Range(4 * i, 4));
      ASSERT_OK(reply);
      position = reply->head;
    }
  }
  EXPECT_EQ(at["t"].handle.step, 3u);
}

}  // namespace
}  // namespace mneme
