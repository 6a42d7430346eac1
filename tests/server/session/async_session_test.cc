// What a session of durability ASYNC says is durable, over a store that says
// what it has on disk as the test wants.

#include <algorithm>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "server/base/mutex.h"
#include "tests/server/session/session_fixture.h"

namespace mneme {
namespace {

using ::testing::Contains;

// An in-process store that plays a disk: an async commit is unsynced until
// Sync(), or a commit with a sync. Thread-safe.
class PlayedDisk : public InProcessStore {
 public:
  explicit PlayedDisk(Clock* clock) : clock_(clock) {}

  std::vector<absl::Status> Apply(std::vector<Commit> commits) override {
    bool async = false;
    bool sync = false;
    for (const Commit& commit : commits) {
      async |= commit.record.durability == Durability::kAsync;
      sync |= commit.sync || commit.record.durability == Durability::kSync;
    }
    auto statuses = InProcessStore::Apply(std::move(commits));
    MutexLock lock(&mu_);
    if (async && !since_.has_value()) since_ = clock_->Monotonic();
    if (sync) since_.reset();
    return statuses;
  }
  absl::Status Flush() override {
    Sync();
    return absl::OkStatus();
  }
  void Sync() {
    MutexLock lock(&mu_);
    since_.reset();
  }
  std::optional<absl::Duration> unsynced_since() const override {
    MutexLock lock(&mu_);
    return since_;
  }

 private:
  Clock* const clock_;
  mutable Mutex mu_;
  std::optional<absl::Duration> since_ ABSL_GUARDED_BY(mu_);
};

class AsyncSessionTest : public SessionFixture {
 protected:
  AsyncSessionTest() {
    auto disk = std::make_unique<PlayedDisk>(&clock_);
    disk_ = disk.get();
    UseStore(std::move(disk));
    const auto info = OpenAsync("s");
    EXPECT_THAT(info, IsOk());
    start_ = info->head;
  }

  absl::StatusOr<SessionInfo> OpenAsync(const std::string& id) {
    SessionManager::OpenRequest request;
    request.durability = Durability::kAsync;
    Pending<absl::StatusOr<SessionInfo>> info;
    manager_->Open(Key(id), request, info.Setter());
    return info.Get();
  }

  // Sends the next `segments` at the head, a millisecond later.
  SegmentReply Step(int segments = 1) {
    clock_.Advance(absl::Milliseconds(1));
    const auto reply =
        Send("s", Request(std::nullopt, Range(sent_, 4 * segments))).Get();
    EXPECT_THAT(reply, IsOk());
    sent_ += 4 * segments;
    return reply.ok() ? *reply : SegmentReply();
  }
  SegmentReply Ask() {
    const auto reply = Send("s", Request(std::nullopt, {})).Get();
    EXPECT_THAT(reply, IsOk());
    return *reply;
  }
  SessionInfo Get() { return *manager_->Get(Key("s")); }
  void Sync() {
    clock_.Advance(absl::Milliseconds(1));
    disk_->Sync();
  }
  // Until the session was looked at. It will be again, since its memory is at
  // hand. REQUIRES: it was used since the last time.
  void Idle() {
    clock_.Advance(limits_.let_go_after);
    clock_.AwaitWaitUntil(clock_.Monotonic() + 2 * limits_.let_go_after);
  }

  PlayedDisk* disk_ = nullptr;
  Position start_;
  int32_t sent_ = 0;
};

TEST_F(AsyncSessionTest, IsOnDiskOnceItIsOpen) {
  EXPECT_EQ(disk_->unsynced_since(), std::nullopt);
  EXPECT_EQ(Get().durability, Durability::kAsync);
  EXPECT_EQ(Get().durable, start_.handle);
}

TEST_F(AsyncSessionTest, TheDurableHandleFollowsTheDiskAndNotTheHead) {
  const SegmentReply first = Step();
  EXPECT_EQ(first.head.handle.step, 1u);
  EXPECT_EQ(first.durable, start_.handle);
  EXPECT_EQ(Get().durable, start_.handle);
  EXPECT_EQ(Step().durable, start_.handle);
  Sync();
  EXPECT_EQ(Get().durable.step, 2u);
  EXPECT_EQ(Step().durable.step, 2u) << "but not the one that was just made";
  EXPECT_EQ(Step().durable.step, 2u);
  Sync();
  EXPECT_EQ(Ask().durable.step, 4u);
  EXPECT_EQ(Ask().durable, Get().head.handle);
}

// A running sync covers what came before it: the store then names the first
// commit that came after.
TEST_F(AsyncSessionTest, WhatWasAcknowledgedAtThatVeryMomentDoesNotCount) {
  Step();
  disk_->Sync();
  const auto reply = Send("s", Request(std::nullopt, Range(sent_, 4))).Get();
  EXPECT_EQ(disk_->unsynced_since(), clock_.Monotonic());
  EXPECT_EQ(reply->durable, start_.handle);
}

TEST_F(AsyncSessionTest, ADurableHandleCanBeResumedFromHoweverFarTheHeadIs) {
  Step();
  Sync();
  const MemoryHandle durable = Step().durable;
  ASSERT_EQ(durable.step, 1u);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(Step().durable, durable);
  EXPECT_THAT(Get().retained, Contains(durable));
  const auto again =
      Send("s", Request(Position{durable, 0}, Range(4, 4 * 201 + 4))).Get();
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->segments.size(), 202u);
  EXPECT_EQ(again->segments[200].source, SegmentSource::kKept);
  EXPECT_EQ(again->head.handle.step, 203u);
  EXPECT_EQ(LastSum(again), Oracle(Range(0, 4 * 203)));
}

// The stream's window: a client may not have read the newest replies.
TEST_F(AsyncSessionTest, AnEarlierDurableHandleCanStillBeResumedFrom) {
  std::vector<MemoryHandle> durable;
  for (int i = 0; i < 100; ++i) {
    Sync();
    durable.push_back(Step(20).durable);
    const size_t known = durable.size() < 9 ? 0 : durable.size() - 9;
    ASSERT_THAT(Get().retained, Contains(durable[known]));
    const auto step = static_cast<int32_t>(durable[known].step);
    const auto again = Send("s", Request(Position{durable[known], 0},
                                         Range(4 * step, sent_ - 4 * step)));
    ASSERT_THAT(again.Get(), IsOk()) << "after " << i;
  }
}

TEST_F(AsyncSessionTest, FastStepsDoNotKeepTheDurableHandleBack) {
  uint64_t durable = 0;
  for (int i = 0; i < 50; ++i) {
    const SegmentReply reply = Step(100);
    EXPECT_GE(reply.durable.step, durable);
    durable = reply.durable.step;
    Sync();
  }
  EXPECT_GE(durable, 48u * 100);
  EXPECT_EQ(Ask().durable, Get().head.handle);
  EXPECT_LE(Get().retained.size(), 50u);
}

TEST_F(AsyncSessionTest, BehindTheHeadNothingBeyondTheReplyIsDurable) {
  Step(3);
  Sync();
  Ask();
  const auto reply =
      Send("s", Request(start_, Range(0, 4)), std::make_shared<Cursor>()).Get();
  ASSERT_THAT(reply, IsOk());
  EXPECT_EQ(reply->head.handle.step, 3u);
  EXPECT_LE(reply->durable.step, 1u);
}

TEST_F(AsyncSessionTest, ARollbackIsOnDiskAndItsValueDurable) {
  Step(4);
  const SessionInfo before = Get();
  ASSERT_EQ(before.durable, start_.handle);
  const MemoryHandle to = before.retained[2];
  Pending<absl::StatusOr<SessionInfo>> done;
  manager_->Rollback(Key("s"), std::make_shared<Cursor>(), to, std::nullopt,
                     done.Setter());
  ASSERT_THAT(done.Get(), IsOk());
  EXPECT_EQ(disk_->unsynced_since(), std::nullopt);
  EXPECT_EQ(done.Get()->durable, to);
  sent_ = 1000;
  EXPECT_EQ(Step().durable, to);
  Sync();
  EXPECT_EQ(Ask().durable, Get().head.handle);
}

TEST_F(AsyncSessionTest, AForkIsOnDiskWithTheValueThatItBeginsWith) {
  Step(2);
  Pending<absl::StatusOr<SessionInfo>> fork;
  manager_->Fork(Key("s"), std::make_shared<Cursor>(), std::nullopt, "fork",
                 fork.Setter());
  ASSERT_THAT(fork.Get(), IsOk());
  EXPECT_EQ(disk_->unsynced_since(), std::nullopt);
  EXPECT_EQ(fork.Get()->durability, Durability::kAsync);
  EXPECT_EQ(fork.Get()->durable, fork.Get()->head.handle);
  EXPECT_EQ(Get().durable.step, 2u) << "the sync took the parent's with it";
}

TEST_F(AsyncSessionTest, WhatARestartFindsIsDurable) {
  Step(3);
  Restart();
  EXPECT_EQ(Get().durability, Durability::kAsync);
  EXPECT_EQ(Get().durable, Get().head.handle);
  EXPECT_EQ(Get().head.handle.step, 3u);
  EXPECT_EQ(Step().durable.step, 3u);
}

// Once a session is idle, which of its values are on disk is looked up and then
// forgotten. What a client may know of stays, and nothing else does for it.
TEST_F(AsyncSessionTest, IdleTimesLetGoOfNoDurableHandleAndRetainNoMore) {
  std::vector<MemoryHandle> durable;
  for (int i = 0; i < 60; ++i) {
    durable.push_back(Step(3).durable);
    Sync();
    Idle();
    EXPECT_EQ(Get().durable, Get().head.handle);
    const size_t known = durable.size() < 9 ? 0 : durable.size() - 9;
    ASSERT_THAT(Get().retained, Contains(durable[known])) << "after " << i;
    ASSERT_LE(Get().retained.size(), 16u) << "after " << i;
  }
}

TEST_F(AsyncSessionTest, WhatIsNotOnDiskWhenItIsIdleIsNotSaidToBe) {
  Step();
  Idle();
  EXPECT_EQ(Get().durable, start_.handle);
  EXPECT_EQ(Ask().durable, start_.handle);
  Sync();
  Idle();
  EXPECT_EQ(Ask().durable, Get().head.handle);
}

TEST_F(AsyncSessionTest, AStoreWithoutADiskPromisesNothingAndSaysTheHead) {
  UseStore(std::make_unique<InProcessStore>());
  ASSERT_THAT(OpenAsync("s"), IsOk());
  const SegmentReply reply = Step();
  EXPECT_EQ(reply.durable, reply.head.handle);
}

}  // namespace
}  // namespace mneme
