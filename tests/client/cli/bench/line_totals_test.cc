#include "client/cli/bench/line_totals.h"

#include <vector>

#include "client/cli/bench/arrival_schedule.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/segments.h"
#include "tests/testing/fake_clock.h"

namespace mneme::cli {
namespace {

using ::mneme::testing::MakeSegment;
using ::testing::ElementsAre;
using ::testing::Pair;

absl::Duration At(int milliseconds) { return absl::Milliseconds(milliseconds); }

client::SegmentResult Segment() { return MakeSegment(1, {-1, -1, -1}); }

// A window from 100 ms to 200 ms.
class LineTotalsTest : public ::testing::Test {
 protected:
  LineTotalsTest() { totals_.Begin(At(100)); }

  void Answer(int due, int answered) {
    totals_.Answered({At(due), At(due), At(answered)}, Segment());
  }

  LineTotals totals_;
};

TEST_F(LineTotalsTest, TheWarmUpIsNotCounted) {
  Answer(50, 99);
  totals_.Retried(At(99));
  totals_.Reopened(At(99));
  totals_.Failed(absl::InternalError("x"), 3, At(99));
  totals_.Unanswered({At(99), At(99), At(150)});
  totals_.Noticed(At(99), At(100));
  totals_.End(At(200));
  EXPECT_EQ(totals_.segments, 0u);
  EXPECT_EQ(totals_.retries, 0u);
  EXPECT_EQ(totals_.sessions_reopened, 0u);
  EXPECT_EQ(totals_.error_count(), 0u);
  EXPECT_EQ(totals_.unanswered, 0u);
  EXPECT_EQ(totals_.latency.count(), 0u);
  EXPECT_EQ(totals_.lag.count(), 0u);
  EXPECT_EQ(totals_.SegmentsPerSecond(), 0);
  EXPECT_EQ(totals_.MeanBatchSize(), 0);
}

TEST_F(LineTotalsTest, CountedIsWhatWasAnsweredInTheWindow) {
  Answer(99, 100);
  Answer(150, 199);
  totals_.End(At(200));
  Answer(199, 200);
  EXPECT_EQ(totals_.segments, 2u);
  EXPECT_EQ(totals_.tokens, 6u);
  EXPECT_EQ(totals_.elapsed(), At(100));
  EXPECT_DOUBLE_EQ(totals_.SegmentsPerSecond(), 20);
  EXPECT_DOUBLE_EQ(totals_.TokensPerSecond(), 60);
}

// What is slowest is answered after the window, and must not be left out.
TEST_F(LineTotalsTest, LatencyIsOfWhatWasDueInTheWindow) {
  Answer(99, 100);
  Answer(150, 199);
  totals_.End(At(200));
  Answer(199, 5000);
  Answer(200, 5001);
  EXPECT_EQ(totals_.latency.count(), 2u);
  EXPECT_EQ(totals_.latency.MaxMicros(), 4801e3);
  EXPECT_EQ(totals_.service.count(), 2u);
  EXPECT_EQ(totals_.device.count(), 2u);
}

TEST_F(LineTotalsTest, ServiceIsOfWhatWasSentInTheWindow) {
  totals_.Answered({At(50), At(150), At(160)}, Segment());
  totals_.End(At(200));
  totals_.Answered({At(50), At(199), At(219)}, Segment());
  totals_.Answered({At(150), At(200), At(300)}, Segment());
  EXPECT_EQ(totals_.service.count(), 2u);
  EXPECT_EQ(totals_.service.MaxMicros(), 20e3);
  EXPECT_EQ(totals_.latency.count(), 1u);
  EXPECT_EQ(totals_.latency.MaxMicros(), 150e3);
  EXPECT_EQ(totals_.segments, 1u);
  EXPECT_EQ(totals_.device.count(), 1u);
}

TEST_F(LineTotalsTest, WhatIsNeverAnsweredIsTimedByItsWait) {
  totals_.End(At(200));
  totals_.Unanswered({At(120), At(200), At(200)});
  totals_.Unanswered({At(200), At(201), At(300)});
  EXPECT_EQ(totals_.unanswered, 1u);
  EXPECT_EQ(totals_.latency.count(), 1u);
  EXPECT_EQ(totals_.latency.MaxMicros(), 80e3);
  EXPECT_EQ(totals_.service.count(), 0u);
}

TEST_F(LineTotalsTest, TheWindowEndsOnce) {
  totals_.End(At(200));
  totals_.End(At(300));
  EXPECT_EQ(totals_.elapsed(), At(100));
}

// Threads report in any order: no answer makes it more.
TEST_F(LineTotalsTest, SoManyAnswersAndErrorsEndTheWindow) {
  totals_ = LineTotals(/*limit=*/3);
  totals_.Begin(At(100));
  Answer(90, 99);
  Answer(100, 101);
  totals_.Failed(absl::InternalError("x"), 1, At(102));
  EXPECT_FALSE(totals_.ended());
  Answer(100, 140);
  EXPECT_TRUE(totals_.ended());
  Answer(100, 139);
  totals_.Failed(absl::InternalError("x"), 1, At(139));
  EXPECT_EQ(totals_.segments, 2u);
  EXPECT_EQ(totals_.error_count(), 1u);
  EXPECT_EQ(totals_.elapsed(), At(40));
  EXPECT_EQ(totals_.latency.count(), 3u);
}

TEST_F(LineTotalsTest, ALineThatEndsInItsWarmUpHasNoTime) {
  totals_.End(At(50));
  EXPECT_EQ(totals_.elapsed(), absl::ZeroDuration());
  EXPECT_EQ(totals_.SegmentsPerSecond(), 0);
}

TEST_F(LineTotalsTest, ErrorsAreCountedByTheirCodes) {
  totals_.Failed(absl::DataLossError("first"), 2, At(100));
  totals_.Failed(absl::UnavailableError("second"), 1, At(150));
  totals_.Failed(absl::DataLossError("third"), 1, At(199));
  EXPECT_THAT(totals_.errors,
              ElementsAre(Pair(absl::StatusCode::kUnavailable, 1),
                          Pair(absl::StatusCode::kDataLoss, 3)));
  EXPECT_EQ(totals_.error_count(), 4u);
  EXPECT_EQ(totals_.first_error.message(), "first");
}

TEST_F(LineTotalsTest, TheServersTimesAreOfWhatItComputed) {
  client::SegmentResult segment = Segment();
  segment.commit_time = absl::Microseconds(7);
  totals_.Answered({At(100), At(100), At(101)}, segment);
  segment.source = client::ResultSource::kShared;
  segment.batch_size = 0;
  totals_.Answered({At(100), At(100), At(101)}, segment);
  EXPECT_EQ(totals_.shared, 1u);
  EXPECT_EQ(totals_.device.count(), 1u);
  EXPECT_EQ(totals_.device.MaxMicros(), 50);
  EXPECT_EQ(totals_.commit.count(), 2u);
  EXPECT_EQ(totals_.commit.MaxMicros(), 7);
  EXPECT_DOUBLE_EQ(totals_.MeanBatchSize(), 4);
}

// A server that answers each segment after 1 ms, one after the other, but
// answers nothing from `stall_begin` to `stall_end`: one session, a segment due
// every 10 ms for 4 s, looked at every millisecond.
LineTotals RunWithStall(int stall_begin, int stall_end) {
  FakeClock clock;
  const absl::Duration start = clock.Monotonic();
  ArrivalSchedule schedule(ArrivalProcess::kConstant, 100, 1, 1);
  SegmentQueue queue(/*in_flight=*/1);
  LineTotals totals;
  totals.Begin(start);
  for (int ms = 0; ms < 4000; ++ms, clock.Advance(At(1))) {
    const absl::Duration now = clock.Monotonic();
    for (; start + schedule.next().due <= now; schedule.Pop()) {
      queue.Arrive(start + schedule.next().due);
    }
    const bool stalled = stall_begin <= ms && ms < stall_end;
    if (queue.under_way() > 0 && !stalled) {
      totals.Answered(queue.Oldest(now), Segment());
      queue.DropOldest();
    }
    if (queue.CanSend()) queue.Send(now);
  }
  totals.End(clock.Monotonic());
  return totals;
}

TEST(OpenLoopTest, WithoutAStallLatencyIsTheServersTime) {
  const LineTotals totals = RunWithStall(0, 0);
  EXPECT_EQ(totals.segments, 399u);
  EXPECT_EQ(totals.latency.MaxMicros(), 1000);
  EXPECT_EQ(totals.service.MaxMicros(), 1000);
}

// The stall holds up one segment, and is charged to each of the hundred that
// were due in it, by what was left of it then. A loop that waited for the
// answer would have one slow segment in four hundred.
TEST(OpenLoopTest, AStallIsChargedToAllThatWereDueInIt) {
  const LineTotals totals = RunWithStall(1001, 2001);
  EXPECT_EQ(totals.segments, 399u);
  EXPECT_EQ(totals.latency.MaxMicros(), 1001e3);
  // The n-th after the first waited 1001 - 9 n ms.
  EXPECT_NEAR(totals.latency.PercentileMicros(0.90), 650e3, 1e3);
  EXPECT_NEAR(totals.latency.PercentileMicros(0.80), 290e3, 1e3);
  EXPECT_NEAR(totals.latency.PercentileMicros(0.50), 1e3, 1);
  // Of those that were sent only one saw the stall.
  EXPECT_EQ(totals.service.MaxMicros(), 1001e3);
  EXPECT_NEAR(totals.service.PercentileMicros(0.99), 1e3, 1);
}

}  // namespace
}  // namespace mneme::cli
