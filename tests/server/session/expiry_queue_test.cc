#include "server/session/expiry_queue.h"

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/pending.h"

namespace mneme {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr absl::Duration kSecond = absl::Seconds(1);

SessionKey Key(const std::string& id) { return {"tenant", id}; }

// Writes down for which sessions `due` was called; does more for each if told.
class ExpiryQueueTest : public ::testing::Test {
 protected:
  ExpiryQueueTest()
      : start_(clock_.Monotonic()),
        queue_(std::make_unique<ExpiryQueue>(
            [this](const SessionKey& key) { OnDue(key); }, &clock_)) {}
  // Joins the thread before what it uses goes.
  ~ExpiryQueueTest() override { queue_.reset(); }

  // Deadlines here are seconds after the start.
  void Set(const std::string& id, int64_t seconds) {
    queue_->Set(Session(id), At(seconds));
  }
  // The session of that id, which lives until it is dropped.
  std::shared_ptr<Expirable> Session(const std::string& id) {
    MutexLock lock(&mu_);
    std::shared_ptr<Expirable>& session = sessions_[id];
    if (session == nullptr) session = std::make_shared<Expirable>(Key(id));
    return session;
  }
  void Drop(const std::string& id) {
    MutexLock lock(&mu_);
    sessions_.erase(id);
  }
  absl::Duration At(int64_t seconds) const {
    return start_ + seconds * kSecond;
  }

  std::vector<std::string> due() const {
    MutexLock lock(&mu_);
    return due_;
  }
  void AwaitDue(size_t count) {
    MutexLock lock(&mu_);
    while (due_.size() < count) lock.Wait(changed_);
  }
  // What `due` does, on the queue's thread; set before the first deadline.
  void set_action(std::function<void(const std::string&)> action) {
    MutexLock lock(&mu_);
    action_ = std::move(action);
  }

  FakeClock clock_;
  const absl::Duration start_;

 private:
  void OnDue(const SessionKey& key) {
    std::function<void(const std::string&)> action;
    {
      MutexLock lock(&mu_);
      action = action_;
    }
    if (action) action(key.session_id);
    MutexLock lock(&mu_);
    due_.push_back(key.session_id);
    changed_.notify_all();
  }

  mutable Mutex mu_;
  std::condition_variable changed_;
  std::map<std::string, std::shared_ptr<Expirable>> sessions_
      ABSL_GUARDED_BY(mu_);
  std::vector<std::string> due_ ABSL_GUARDED_BY(mu_);
  std::function<void(const std::string&)> action_ ABSL_GUARDED_BY(mu_);

 protected:
  std::unique_ptr<ExpiryQueue> queue_;  // last: its thread calls OnDue
};

TEST_F(ExpiryQueueTest, CallsDueOnceWhenTheDeadlineHasPassedAndNotBefore) {
  Set("late", 10);
  Set("early", 5);
  clock_.AwaitWaitUntil(At(5));
  EXPECT_THAT(due(), IsEmpty());
  clock_.Advance(5 * kSecond);
  clock_.AwaitWaitUntil(At(10));
  EXPECT_THAT(due(), ElementsAre("early"));
  clock_.Advance(5 * kSecond);
  AwaitDue(2);
  EXPECT_EQ(queue_->size(), 0u);
  clock_.AwaitWaitUntil(absl::InfiniteDuration());
  EXPECT_THAT(due(), ElementsAre("early", "late"));
}

TEST_F(ExpiryQueueTest, TheEarliestDeadlineIsDueFirst) {
  for (const int seconds : {3, 1, 4, 2}) Set(absl::StrCat(seconds), seconds);
  clock_.Advance(10 * kSecond);
  AwaitDue(4);
  EXPECT_THAT(due(), ElementsAre("1", "2", "3", "4"));
}

TEST_F(ExpiryQueueTest, SessionsOfTwoTenantsDoNotMeet) {
  const auto session = [](const std::string& tenant) {
    return std::make_shared<Expirable>(SessionKey{tenant, "s"});
  };
  const auto a = session("a");
  const auto b = session("b");
  queue_->Set(a, At(1));
  queue_->Set(b, At(1));
  queue_->Erase(session("c"));
  EXPECT_EQ(queue_->size(), 2u);
  clock_.Advance(kSecond);
  AwaitDue(2);
}

TEST_F(ExpiryQueueTest, ADeadlineMovesBothWays) {
  Set("s", 10);
  clock_.AwaitWaitUntil(At(10));
  Set("s", 5);
  clock_.AwaitWaitUntil(At(5));
  Set("s", 20);
  clock_.Advance(10 * kSecond);
  clock_.AwaitWaitUntil(At(20));
  EXPECT_THAT(due(), IsEmpty());
  EXPECT_EQ(queue_->size(), 1u);
  clock_.Advance(10 * kSecond);
  AwaitDue(1);
  EXPECT_EQ(queue_->size(), 0u);
}

TEST_F(ExpiryQueueTest, WhatIsErasedOrSetToNeverIsNotDue) {
  Set("erased", 1);
  Set("never", 2);
  Set("last", 3);
  queue_->Erase(Session("erased"));
  queue_->Erase(Session("erased"));
  queue_->Set(Session("never"), absl::InfiniteDuration());
  queue_->Set(Session("unknown"), absl::InfiniteDuration());
  EXPECT_EQ(queue_->size(), 1u);
  clock_.Advance(10 * kSecond);
  AwaitDue(1);
  EXPECT_THAT(due(), ElementsAre("last"));
}

TEST_F(ExpiryQueueTest, WhatIsGoneIsNotDueAndHoldsNobodyUp) {
  Set("gone", 1);
  Set("there", 1);
  Set("later", 2);
  const std::weak_ptr<Expirable> gone = Session("gone");
  Drop("gone");
  EXPECT_TRUE(gone.expired()) << "the queue keeps it";
  clock_.Advance(10 * kSecond);
  AwaitDue(2);
  EXPECT_THAT(due(), ElementsAre("there", "later"));
  EXPECT_EQ(queue_->size(), 0u);
}

TEST_F(ExpiryQueueTest, ASessionInThePlaceOfOneThatIsGoneIsItsOwn) {
  for (int i = 0; i < 100; ++i) {
    Set("s", 1);
    Drop("s");
  }
  Set("s", 1);
  clock_.Advance(kSecond);
  AwaitDue(1);
  clock_.AwaitWaitUntil(absl::InfiniteDuration());
  EXPECT_THAT(due(), ElementsAre("s"));
}

// Or it would be asked again and again until the instant is over.
TEST_F(ExpiryQueueTest, NothingIsDueTooEarlyHoweverLittle) {
  const absl::Duration deadline = At(1) + absl::Nanoseconds(1) / 4;
  queue_->Set(Session("s"), deadline);
  clock_.AwaitWaitUntil(At(1) + absl::Nanoseconds(1));
  clock_.Advance(kSecond);
  clock_.Advance(absl::Nanoseconds(1));
  AwaitDue(1);
}

TEST_F(ExpiryQueueTest, ADeadlineInThePastIsDueAtOnce) {
  Set("past", -1);
  AwaitDue(1);
  queue_->Set(Session("long ago"), -absl::InfiniteDuration());
  AwaitDue(2);
  Set("now", 0);
  AwaitDue(3);
}

TEST_F(ExpiryQueueTest, DueMaySetItsSessionAgain) {
  set_action([this](const std::string& id) {
    EXPECT_EQ(queue_->size(), 0u);  // its entry is gone already
    if (clock_.Monotonic() < At(10)) Set(id, 10);
  });
  Set("used since", 5);
  clock_.Advance(5 * kSecond);
  AwaitDue(1);
  clock_.AwaitWaitUntil(At(10));
  clock_.Advance(5 * kSecond);
  AwaitDue(2);
  clock_.AwaitWaitUntil(absl::InfiniteDuration());
}

// Whatever is due besides: another thread gets the lock between two calls, and
// an entry is the queue's until its own call.
TEST_F(ExpiryQueueTest, ManyOfOneDeadlineLetOthersIn) {
  constexpr size_t kMany = 1000;
  std::string erased;  // by the first; read when all have been called
  set_action([&](const std::string& id) {
    if (!erased.empty()) return;
    erased = id == "1" ? "2" : "1";
    std::thread other([&] {
      Set("later", 2);
      queue_->Erase(Session(erased));
    });
    other.join();
  });
  for (size_t i = 0; i < kMany; ++i) Set(absl::StrCat(i), 1);
  clock_.Advance(kSecond);
  AwaitDue(kMany - 1);
  clock_.AwaitWaitUntil(At(2));
  EXPECT_EQ(queue_->size(), 1u);
  EXPECT_THAT(due(), ::testing::Not(::testing::Contains(erased)));
}

TEST_F(ExpiryQueueTest, DestructionWaitsForARunningDueAndThenNothingIsCalled) {
  Pending<bool> running;
  Pending<bool> release;
  bool finished = false;  // read when the queue's thread has been joined
  set_action([&](const std::string&) {
    running.Setter()(true);
    release.Get();
    finished = true;
  });
  Set("runs", 1);
  Set("later", 2);
  clock_.Advance(kSecond);
  running.Get();
  std::thread destroyer([&] {
    queue_.reset();
    EXPECT_TRUE(finished);
  });
  release.Setter()(true);
  destroyer.join();
  clock_.Advance(10 * kSecond);
  EXPECT_THAT(due(), ElementsAre("runs"));
}

TEST_F(ExpiryQueueTest, DestructionDoesNotWaitForDeadlines) {
  Set("tomorrow", 24 * 3600);
  clock_.AwaitWaitUntil(At(24 * 3600));
  queue_.reset();
  EXPECT_THAT(due(), IsEmpty());
}

TEST_F(ExpiryQueueTest, ThreadsThatSetMoveAndEraseLoseNothing) {
  constexpr int kThreads = 4;
  constexpr int kEach = 500;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < kEach; ++i) {
        const std::string id = absl::StrCat(t, ".", i);
        Set(id, 1000);
        Set(id, 1 + i % 7);
        Set("common", 2000 + i);
        Set(id + " erased", 5000);
        queue_->Erase(Session(id + " erased"));
        if (i % 50 == 0) clock_.Advance(kSecond);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  clock_.Advance(10 * kSecond);
  AwaitDue(kThreads * kEach);
  EXPECT_EQ(queue_->size(), 1u);
  std::vector<std::string> ids = due();
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(std::adjacent_find(ids.begin(), ids.end()), ids.end());
}

}  // namespace
}  // namespace mneme
