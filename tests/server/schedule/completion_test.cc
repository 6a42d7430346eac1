#include "server/schedule/completion.h"

#include <utility>

#include "server/schedule/scheduler.h"
#include "tests/server/schedule/no_observer.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/fake_model.h"
#include "tests/testing/pending.h"
#include "tests/testing/status_matchers.h"

// The scheduler with a device that computes while its thread goes on.

namespace mneme {
namespace {

using ::testing::ElementsAre;

// Starts steps at once; a test says when, and how, the oldest ends.
class FakeDevice : public SequenceModel {
 public:
  const ModelSpec& spec() const override { return model_.spec(); }
  MemoryRef InitialMemory() const override { return model_.InitialMemory(); }
  absl::StatusOr<std::unique_ptr<StepInFlight>> Start(
      absl::Span<const StepRow> rows) override ABSL_LOCKS_EXCLUDED(mu_) {
    auto step = model_.Start(rows);
    MutexLock lock(&mu_);
    started_.push_back(static_cast<int64_t>(rows.size()));
    changed_.notify_all();
    if (!step.ok()) return step.status();
    return std::make_unique<Step>(this, *std::move(step));
  }
  absl::StatusOr<std::vector<std::string>> Save(
      absl::Span<const MemoryRef> memories) override {
    return model_.Save(memories);
  }
  absl::StatusOr<std::vector<MemoryRef>> Load(
      absl::Span<const absl::string_view> bytes) override {
    return model_.Load(bytes);
  }

  // The oldest step that has no end yet ends so.
  void End(const absl::Status& status = absl::OkStatus())
      ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    ends_.push_back(status);
    changed_.notify_all();
  }
  // Rows of each step, when there were so many.
  std::vector<int64_t> AwaitStarted(size_t steps) ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    while (started_.size() < steps) lock.Wait(changed_);
    return started_;
  }

 private:
  class Step final : public StepInFlight {
   public:
    Step(FakeDevice* device, std::unique_ptr<StepInFlight> step)
        : device_(device), step_(std::move(step)) {}
    absl::StatusOr<std::vector<StepResult>> Wait() override {
      const absl::Status end = device_->TakeEnd();
      if (!end.ok()) return end;
      return step_->Wait();
    }

   private:
    FakeDevice* const device_;
    const std::unique_ptr<StepInFlight> step_;
  };

  absl::Status TakeEnd() ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    while (ends_.empty()) lock.Wait(changed_);
    absl::Status end = std::move(ends_.front());
    ends_.pop_front();
    return end;
  }

  FakeModel model_{4};
  Mutex mu_;
  std::condition_variable changed_;
  std::vector<int64_t> started_ ABSL_GUARDED_BY(mu_);
  std::deque<absl::Status> ends_ ABSL_GUARDED_BY(mu_);
};

class CompletionTest : public ::testing::Test {
 protected:
  using Outcome = Pending<absl::StatusOr<StepOutcome>>;

  Outcome Submit(int32_t token) {
    Outcome outcome;
    StepTask task;
    task.model = &device_;
    task.tokens = {token, token, token, token};
    task.memory = device_.InitialMemory();
    task.outputs.names = {"sum"};
    task.done = outcome.Setter();
    scheduler_.Submit(std::move(task));
    return outcome;
  }

  // Two steps on the device, the second behind the first.
  std::vector<Outcome> FillDevice() {
    std::vector<Outcome> outcomes = {Submit(1)};
    device_.AwaitStarted(1);
    outcomes.push_back(Submit(2));
    device_.AwaitStarted(2);
    return outcomes;
  }

  FakeDevice device_;
  FakeClock clock_;
  NoObserver observer_;
  Scheduler scheduler_{{}, &clock_, &observer_};
};

TEST_F(CompletionTest, TheNextBatchIsStartedWhileOneRuns) {
  const std::vector<Outcome> outcomes = FillDevice();
  EXPECT_FALSE(outcomes[0].ready());
  device_.End();
  EXPECT_OK(outcomes[0].Get());
  EXPECT_FALSE(outcomes[1].ready());
  device_.End();
  EXPECT_OK(outcomes[1].Get());
}

TEST_F(CompletionTest, BehindTwoBatchesTasksGather) {
  std::vector<Outcome> outcomes = FillDevice();
  for (const int32_t token : {3, 4, 5}) outcomes.push_back(Submit(token));
  EXPECT_EQ(scheduler_.waiting(), 3);
  device_.End();
  EXPECT_THAT(device_.AwaitStarted(3), ElementsAre(1, 1, 3));
  device_.End();
  device_.End();
  for (const Outcome& outcome : outcomes) EXPECT_OK(outcome.Get());
}

TEST_F(CompletionTest, ABatchThatFailsOnTheDeviceIsRunAgainInHalves) {
  const std::vector<Outcome> first = FillDevice();
  const std::vector<Outcome> both = {Submit(3), Submit(4)};
  device_.End();
  EXPECT_THAT(device_.AwaitStarted(3), ElementsAre(1, 1, 2));
  device_.End();
  device_.End(absl::InternalError("device"));
  device_.End(absl::InternalError("device"));
  device_.End();
  EXPECT_THAT(both[0].Get(), StatusIs(absl::StatusCode::kInternal));
  ASSERT_OK(both[1].Get());
  EXPECT_EQ(both[0].sets(), 1);
  EXPECT_THAT(device_.AwaitStarted(5), ElementsAre(1, 1, 2, 1, 1));
  int64_t sum = 0;
  for (int i = 0; i < 4; ++i) sum = FakeModel::Next(sum, 4);
  EXPECT_EQ(Int64s(both[1].Get()->result.outputs[0])[3], sum);
}

TEST_F(CompletionTest, TheDeviceTimeOfAStepBeginsWhenTheOneBeforeEnds) {
  const std::vector<Outcome> outcomes = FillDevice();
  clock_.Advance(absl::Milliseconds(5));
  device_.End();
  EXPECT_EQ(outcomes[0].Get()->device, absl::Milliseconds(5));
  clock_.Advance(absl::Milliseconds(2));
  device_.End();
  EXPECT_EQ(outcomes[1].Get()->device, absl::Milliseconds(2));
}

}  // namespace
}  // namespace mneme
