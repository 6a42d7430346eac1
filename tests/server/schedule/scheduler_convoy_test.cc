#include <memory>

#include "server/schedule/scheduler.h"
#include "tests/server/schedule/no_observer.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/fake_model.h"
#include "tests/testing/pending.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

// A step takes ten milliseconds, whatever is in it.
class TenMillisecondModel : public FakeModel {
 public:
  explicit TenMillisecondModel(FakeClock* clock)
      : FakeModel(4), clock_(clock) {}

 private:
  absl::StatusOr<std::vector<StepResult>> Apply(
      absl::Span<const StepRow> rows) override {
    absl::StatusOr<std::vector<StepResult>> results = FakeModel::Apply(rows);
    clock_->Advance(absl::Milliseconds(10));
    return results;
  }

  FakeClock* const clock_;
};

// Two sessions, whose segments came a millisecond after each answer so far.
class SchedulerConvoyTest : public ::testing::Test {
 protected:
  using Outcome = Pending<absl::StatusOr<StepOutcome>>;

  SchedulerConvoyTest() {
    EXPECT_OK(Submit(model_, &a_).Get());  // so a row alone is known
    clock_.Advance(absl::Milliseconds(1));
    for (int i = 0; i < 10; ++i) StepTogether();
  }

  Outcome Submit(FakeModel& model, const void* session) {
    Outcome outcome;
    StepTask task;
    task.model = &model;
    task.tokens = {1};
    task.memory = model.InitialMemory();
    task.session = session;
    task.done = outcome.Setter();
    scheduler_.Submit(std::move(task));
    return outcome;
  }
  void StepTogether() {
    other_model_.Hold();
    const Outcome other = Submit(other_model_, nullptr);
    other_model_.AwaitHeld();
    const Outcome a = Submit(model_, &a_);
    const Outcome b = Submit(model_, &b_);
    other_model_.Release();
    EXPECT_OK(other.Get());
    EXPECT_EQ(a.Get()->batch_size, 2);
    EXPECT_OK(b.Get());
    clock_.Advance(absl::Milliseconds(1));
  }

  const int a_ = 0;
  const int b_ = 0;
  FakeClock clock_;
  TenMillisecondModel model_{&clock_};
  FakeModel other_model_{4};  // keeps the device busy
  NoObserver observer_;
  Scheduler scheduler_{Scheduler::Options(), &clock_, &observer_};
};

TEST_F(SchedulerConvoyTest, ASessionWaitsForTheOneThatIsComingBack) {
  const Outcome a = Submit(model_, &a_);
  const Outcome b = Submit(model_, &b_);
  EXPECT_EQ(a.Get()->batch_size, 2);
  EXPECT_EQ(b.Get()->batch_size, 2);  // it was answered with the other
}

TEST_F(SchedulerConvoyTest, ButNotForLong) {
  const Outcome a = Submit(model_, &a_);
  clock_.Advance(absl::Milliseconds(2));
  EXPECT_EQ(a.Get()->batch_size, 1);
}

TEST_F(SchedulerConvoyTest, TheEndWaitsForNobody) {
  const Outcome a = Submit(model_, &a_);
}

}  // namespace
}  // namespace mneme
