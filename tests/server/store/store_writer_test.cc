#include "server/store/store_writer.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/error_info.h"
#include "tests/server/store/gated_store.h"
#include "tests/server/store/store_builders.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/pending.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::absl::StatusCode;
using ::testing::ElementsAre;

using PendingStatus = Pending<absl::Status>;
using PendingBytes = Pending<absl::StatusOr<std::string>>;

class StoreWriterTest : public ::testing::Test {
 protected:
  PendingStatus Submit(StoreWriter* writer, const std::string& session,
                       int step, Durability durability = Durability::kMemory) {
    PendingStatus done;
    writer->Submit(StepCommit(Session(session), step, durability),
                   done.Setter());
    return done;
  }
  PendingBytes Read(StoreWriter* writer, const std::string& session, int step) {
    PendingBytes done;
    writer->ReadReply(ReplyAt(Session(session), step), done.Setter());
    return done;
  }
  PendingStatus Remove(StoreWriter* writer, const std::string& session) {
    PendingStatus done;
    writer->Remove(Session(session), "", done.Setter());
    return done;
  }
  // The writer is inside Apply of one commit of session "first" after this.
  PendingStatus Block(StoreWriter* writer) {
    store_.Close();
    PendingStatus done = Submit(writer, "first", 0);
    store_.AwaitArrival();
    return done;
  }

  GatedStore store_;
  FakeClock clock_;
};

TEST_F(StoreWriterTest, CommitsAndReadsBack) {
  StoreWriter writer(&store_);
  EXPECT_THAT(Submit(&writer, "a", 0).Get(), IsOk());
  EXPECT_THAT(Read(&writer, "a", 0).Get(),
              IsOkAndHolds(ReplyOf(Session("a"), 0)));
  EXPECT_THAT(Read(&writer, "a", 1).Get(), StatusIs(StatusCode::kNotFound));
  PendingBytes value;
  writer.ReadValue(ValueAt(Session("a"), 0), value.Setter());
  EXPECT_THAT(value.Get(), IsOkAndHolds(ValueOf(Session("a"), 0)));
}

TEST_F(StoreWriterTest, CommitsQueuedBehindASlowWriteBecomeOneGroup) {
  StoreWriter writer(&store_);
  Block(&writer);
  std::vector<PendingStatus> done;
  for (int i = 0; i < 50; ++i) {
    done.push_back(Submit(&writer, absl::StrCat("s", i), 0, Durability::kSync));
  }
  EXPECT_EQ(writer.stats().queued, 50);
  store_.Open();
  for (const auto& status : done) EXPECT_THAT(status.Get(), IsOk());
  const StoreWriterStats stats = writer.stats();
  EXPECT_EQ(stats.groups, 2);
  EXPECT_EQ(stats.commits, 51);
  EXPECT_EQ(stats.last_group_commits, 50);
  EXPECT_EQ(stats.sync_groups, 1);
  EXPECT_EQ(stats.queued, 0);
}

TEST_F(StoreWriterTest, EachCommitOfAGroupGetsItsOwnStatus) {
  StoreWriter writer(&store_);
  Block(&writer);
  const PendingStatus good = Submit(&writer, "a", 0);
  const PendingStatus doubled = Submit(&writer, "a", 0);
  const PendingStatus early = Submit(&writer, "b", 5);
  const PendingStatus next = Submit(&writer, "a", 1);
  store_.Open();
  EXPECT_THAT(good.Get(), IsOk());
  EXPECT_THAT(doubled.Get(), StatusIs(StatusCode::kAlreadyExists));
  EXPECT_THAT(early.Get(), StatusIs(StatusCode::kAborted));
  EXPECT_THAT(next.Get(), IsOk());
  EXPECT_EQ(writer.stats().failed_commits, 2);
}

TEST_F(StoreWriterTest, TheByteLimitCutsAGroup) {
  const auto bytes = static_cast<int64_t>(ValueOf(Session("a"), 0).size() +
                                          RecordOf(Session("a"), 0).size() +
                                          ReplyOf(Session("a"), 0).size());
  StoreWriter::Options options;
  options.max_group_bytes = 2 * bytes;
  StoreWriter writer(&store_, options);
  Block(&writer);
  PendingStatus last;
  for (const char* session : {"a", "b", "c", "d", "e"}) {
    last = Submit(&writer, session, 0);
  }
  store_.Open();
  EXPECT_THAT(last.Get(), IsOk());
  EXPECT_THAT(store_.calls(),
              ElementsAre("apply first", "apply a b", "apply c d", "apply e"));
  EXPECT_GE(writer.stats().bytes, 5 * bytes);
}

TEST_F(StoreWriterTest, WhatWasTakenButNotBegunStillWaits) {
  StoreWriter::Options options;
  options.max_group_bytes = 1;
  std::vector<int64_t> queued;
  {
    StoreWriter writer(&store_, options);
    Block(&writer);
    for (const char* session : {"a", "b", "c", "d"}) {
      writer.Submit(
          StepCommit(Session(session), 0, Durability::kMemory),
          [&](absl::Status) { queued.push_back(writer.stats().queued); });
    }
    store_.Open();
  }
  EXPECT_THAT(queued, ElementsAre(3, 2, 1, 0));
}

TEST_F(StoreWriterTest, ACommitLargerThanTheLimitGoesAlone) {
  StoreWriter::Options options;
  options.max_group_bytes = 1;
  StoreWriter writer(&store_, options);
  EXPECT_THAT(Submit(&writer, "a", 0).Get(), IsOk());
  EXPECT_THAT(Submit(&writer, "a", 1).Get(), IsOk());
}

TEST_F(StoreWriterTest, ReadsAndRemovesKeepTheirPlaceInTheirSession) {
  StoreWriter writer(&store_);
  Block(&writer);
  const PendingBytes before = Read(&writer, "a", 0);
  Submit(&writer, "a", 0);
  const PendingBytes after = Read(&writer, "a", 0);
  const PendingStatus removed = Remove(&writer, "a");
  const PendingStatus again = Submit(&writer, "a", 0);
  store_.Open();
  EXPECT_THAT(before.Get(), StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(after.Get(), IsOk());
  EXPECT_THAT(removed.Get(), IsOk());
  EXPECT_THAT(again.Get(), IsOk());
  EXPECT_THAT(store_.calls(), ElementsAre("apply first", "get a 0", "apply a",
                                          "get a 0", "remove a", "apply a"));
  EXPECT_EQ(writer.stats().reads, 2);
  EXPECT_EQ(writer.stats().removes, 1);
}

TEST_F(StoreWriterTest, ValuesThatWaitAreReadTogether) {
  StoreWriter writer(&store_);
  ASSERT_THAT(Submit(&writer, "a", 0).Get(), IsOk());
  ASSERT_THAT(Submit(&writer, "b", 0).Get(), IsOk());
  Block(&writer);
  std::vector<PendingBytes> reads;
  for (const char* id : {"a", "b", "none"}) {
    PendingBytes& read = reads.emplace_back();
    writer.ReadValue(ValueAt(Session(id), 0), read.Setter());
  }
  store_.Open();
  EXPECT_THAT(reads[0].Get(), IsOkAndHolds(ValueOf(Session("a"), 0)));
  EXPECT_THAT(reads[1].Get(), IsOkAndHolds(ValueOf(Session("b"), 0)));
  EXPECT_THAT(reads[2].Get(), StatusIs(StatusCode::kNotFound));
  const StoreWriterStats stats = writer.stats();
  EXPECT_EQ(stats.reads, 3);
  EXPECT_EQ(stats.read_groups, 1);
  EXPECT_EQ(stats.read_bytes,
            static_cast<int64_t>(ValueOf(Session("a"), 0).size() +
                                 ValueOf(Session("b"), 0).size()));
}

TEST_F(StoreWriterTest, AValueIsReadAfterItsFamilysCommits) {
  StoreWriter writer(&store_);
  Block(&writer);
  Submit(&writer, "a", 0);
  PendingBytes value;
  writer.ReadValue(ValueAt(Session("a"), 0), value.Setter());
  store_.Open();
  EXPECT_THAT(value.Get(), IsOkAndHolds(ValueOf(Session("a"), 0)));
  EXPECT_THAT(store_.calls(),
              ElementsAre("apply first", "apply a", "get value"));
}

TEST_F(StoreWriterTest, OtherSessionsReadsDoNotSplitAGroup) {
  StoreWriter writer(&store_);
  Block(&writer);
  Submit(&writer, "a", 0);
  const PendingBytes read = Read(&writer, "x", 0);
  Submit(&writer, "b", 0);
  Remove(&writer, "y");
  const PendingStatus last = Submit(&writer, "c", 0);
  store_.Open();
  EXPECT_THAT(last.Get(), IsOk());
  EXPECT_THAT(read.Get(), StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(store_.calls(),
              ElementsAre("apply first", "get x 0", "remove y", "apply a b c"));
}

TEST_F(StoreWriterTest, OneSessionsCallbacksComeInOrder) {
  Mutex mu;
  std::vector<int> order;
  {
    StoreWriter writer(&store_);
    Block(&writer);
    for (int step = 0; step < 20; ++step) {
      const auto note = [&mu, &order, step] {
        MutexLock lock(&mu);
        order.push_back(step);
      };
      writer.Submit(StepCommit(Session("a"), step, Durability::kMemory),
                    [note](absl::Status) { note(); });
      writer.ReadReply(ReplyAt(Session("a"), step),
                       [note](absl::StatusOr<std::string>) { note(); });
    }
    store_.Open();
  }
  std::vector<int> expected;
  for (int step = 0; step < 20; ++step) {
    expected.insert(expected.end(), {step, step});
  }
  EXPECT_EQ(order, expected);
}

TEST_F(StoreWriterTest, DestructionCompletesEverythingOnce) {
  std::vector<PendingStatus> done;
  PendingBytes read;
  {
    auto writer = std::make_unique<StoreWriter>(&store_);
    done.push_back(Block(writer.get()));
    for (int i = 0; i < 10; ++i) {
      done.push_back(Submit(writer.get(), absl::StrCat("s", i), 0));
    }
    read = Read(writer.get(), "s9", 0);
    done.push_back(Remove(writer.get(), "s9"));
    store_.Open();
  }
  for (const auto& status : done) {
    EXPECT_EQ(status.sets(), 1);
    EXPECT_THAT(status.Get(), IsOk());
  }
  EXPECT_EQ(read.sets(), 1);
  EXPECT_THAT(read.Get(), IsOk());
}

TEST_F(StoreWriterTest, AFailingStoreFailsEveryCommitOnce) {
  StoreWriter writer(&store_);
  store_.FailWith(MakeError(StatusCode::kUnavailable, "STORE_DOWN", "no disk"));
  Block(&writer);
  const PendingStatus a = Submit(&writer, "a", 0);
  const PendingStatus b = Submit(&writer, "b", 0);
  store_.Open();
  EXPECT_THAT(a.Get(), StatusIs(StatusCode::kUnavailable));
  EXPECT_THAT(b.Get(), StatusIs(StatusCode::kUnavailable));
  EXPECT_EQ(GetErrorInfo(b.Get()).reason, "STORE_DOWN");
  EXPECT_THAT(writer.Flush(), IsOk());
  EXPECT_EQ(a.sets() + b.sets(), 2);
  EXPECT_EQ(writer.stats().failed_commits, 3);
}

TEST_F(StoreWriterTest, FlushComesAfterEverythingSubmittedBefore) {
  StoreWriter writer(&store_);
  Block(&writer);
  Submit(&writer, "a", 0);
  std::thread flusher([&writer] { EXPECT_THAT(writer.Flush(), IsOk()); });
  store_.Open();
  flusher.join();
  EXPECT_THAT(store_.calls(), ElementsAre("apply first", "apply a", "flush"));
}

TEST_F(StoreWriterTest, ACallbackMaySubmit) {
  Pending<absl::Status> second;
  {
    StoreWriter writer(&store_);
    writer.Submit(StepCommit(Session("a"), 0), [&](absl::Status status) {
      ASSERT_THAT(status, IsOk());
      writer.Submit(StepCommit(Session("a"), 1), second.Setter());
    });
  }
  EXPECT_EQ(second.sets(), 1);
  EXPECT_THAT(second.Get(), IsOk());
}

TEST_F(StoreWriterTest, TimeInsideApplyIsCounted) {
  StoreWriter::Options options;
  options.clock = &clock_;
  StoreWriter writer(&store_, options);
  store_.Close();
  const PendingStatus sync = Submit(&writer, "a", 0, Durability::kSync);
  store_.AwaitArrival();
  clock_.Advance(absl::Milliseconds(3));
  store_.Open();
  EXPECT_THAT(sync.Get(), IsOk());
  EXPECT_EQ(writer.stats().apply_time, absl::Milliseconds(3));
  EXPECT_EQ(writer.stats().sync_time, absl::Milliseconds(3));
  store_.Close();
  const PendingStatus async = Submit(&writer, "a", 1, Durability::kAsync);
  store_.AwaitArrival();
  clock_.Advance(absl::Milliseconds(2));
  store_.Open();
  EXPECT_THAT(async.Get(), IsOk());
  EXPECT_EQ(writer.stats().apply_time, absl::Milliseconds(5));
  EXPECT_EQ(writer.stats().sync_time, absl::Milliseconds(3));
}

TEST_F(StoreWriterTest, ManyThreadsSubmitAndEachIsAnsweredOnce) {
  constexpr int kThreads = 4;
  constexpr int kSteps = 200;
  std::atomic<int> answers = 0;
  std::atomic<int> good = 0;
  {
    StoreWriter writer(&store_);
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, session = Session(absl::StrCat("t", t))] {
        for (int step = 0; step < kSteps; ++step) {
          writer.Submit(StepCommit(session, step, Durability::kMemory),
                        [&](absl::Status status) {
                          ++answers;
                          good += status.ok();
                        });
          writer.ReadReply(ReplyAt(session, step),
                           [&](absl::StatusOr<std::string> bytes) {
                             ++answers;
                             good += bytes.ok();
                           });
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(answers, 2 * kThreads * kSteps);
  EXPECT_EQ(good, 2 * kThreads * kSteps);
}

}  // namespace
}  // namespace mneme
