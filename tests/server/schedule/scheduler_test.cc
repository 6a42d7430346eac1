#include "server/schedule/scheduler.h"

#include <memory>
#include <numeric>

#include "server/base/error_info.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/fake_model.h"
#include "tests/testing/pending.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CountingObserver : public BatchObserver {
 public:
  void OnBatch(const ModelSpec&, int64_t rows, int64_t,
               absl::Duration) override {
    MutexLock lock(&mu_);
    rows_ += rows;
  }
  int64_t rows() const {
    MutexLock lock(&mu_);
    return rows_;
  }

 private:
  mutable Mutex mu_;
  int64_t rows_ ABSL_GUARDED_BY(mu_) = 0;
};

class SchedulerTest : public ::testing::Test {
 protected:
  using Outcome = Pending<absl::StatusOr<StepOutcome>>;

  StepTask Task(std::vector<int32_t> tokens, const Outcome& outcome) {
    StepTask task;
    task.model = &model_;
    task.tokens = std::move(tokens);
    task.memory = model_.InitialMemory();
    task.outputs.names = {"sum"};
    task.done = outcome.Setter();
    return task;
  }

  Outcome Submit(std::vector<int32_t> tokens) {
    Outcome outcome;
    scheduler_->Submit(Task(std::move(tokens), outcome));
    return outcome;
  }

  // Puts one task on the device and holds it there.
  Outcome OccupyDevice() {
    model_.Hold();
    Outcome outcome = Submit({0, 0, 0, 0});
    model_.AwaitHeld();
    return outcome;
  }

  FakeModel model_{4};
  FakeClock clock_;
  CountingObserver observer_;
  Scheduler::Options options_ = {.batch = {.max_rows = 8}, .max_waiting = 4};
  std::unique_ptr<Scheduler> scheduler_ =
      std::make_unique<Scheduler>(options_, &clock_, &observer_);
};

TEST_F(SchedulerTest, AStepGivesOutputsMemoryAndItsBytes) {
  const auto outcome = Submit({5, 6, 7, 8}).Get();
  ASSERT_OK(outcome);
  const int64_t sum = Int64s(outcome->result.outputs[0])[3];
  int64_t expected = 0;
  for (const int32_t token : {5, 6, 7, 8}) {
    expected = FakeModel::Next(expected, token);
  }
  EXPECT_EQ(sum, expected);
  EXPECT_EQ(Int64s({"", DType::kInt64, {1}, *outcome->saved_memory})[0], sum);
  EXPECT_EQ(outcome->batch_size, 1);
}

TEST_F(SchedulerTest, WhatArrivesWhileABatchRunsMakesTheNextOne) {
  const Outcome first = OccupyDevice();
  const Outcome a = Submit({1, 1, 1, 1});
  const Outcome b = Submit({2, 2, 2, 2});
  const Outcome c = Submit({3});
  model_.Release();
  EXPECT_EQ(first.Get()->batch_size, 1);
  EXPECT_EQ(a.Get()->batch_size, 3);
  EXPECT_EQ(b.Get()->batch_size, 3);
  EXPECT_EQ(c.Get()->batch_size, 3);
  EXPECT_THAT(model_.batches(), ElementsAre(1, 3));
  EXPECT_NE(Int64s(a.Get()->result.outputs[0]),
            Int64s(b.Get()->result.outputs[0]));
}

TEST_F(SchedulerTest, SavedBytesAreLoadedBeforeTheStep) {
  const SharedBytes saved = Submit({1, 2, 3, 4}).Get()->saved_memory;
  const auto live = Submit({1, 2, 3, 4}).Get()->result.memory;
  Outcome from_bytes;
  Outcome from_live;
  StepTask task = Task({9}, from_bytes);
  task.memory = nullptr;
  task.saved_memory = saved;
  scheduler_->Submit(std::move(task));
  task = Task({9}, from_live);
  task.memory = live;
  scheduler_->Submit(std::move(task));
  EXPECT_EQ(*from_bytes.Get()->saved_memory, *from_live.Get()->saved_memory);
}

TEST_F(SchedulerTest, ATaskWhoseDeadlinePassesInTheQueueCostsNoStep) {
  const Outcome first = OccupyDevice();
  Outcome late;
  StepTask task = Task({1}, late);
  task.deadline = clock_.Monotonic() + absl::Seconds(1);
  scheduler_->Submit(std::move(task));
  clock_.Advance(absl::Seconds(1));
  model_.Release();
  EXPECT_THAT(late.Get(), StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_THAT(model_.batches(), ElementsAre(1));
}

TEST_F(SchedulerTest, ATaskCancelledInTheQueueCostsNoStep) {
  const Outcome first = OccupyDevice();
  Outcome gone;
  StepTask task = Task({1}, gone);
  task.cancelled = [] { return true; };
  scheduler_->Submit(std::move(task));
  model_.Release();
  EXPECT_THAT(gone.Get(), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(model_.batches(), ElementsAre(1));
}

TEST_F(SchedulerTest, AFullQueueRefusesAtOnceAndSaysWhenToRetry) {
  const Outcome first = OccupyDevice();
  std::vector<Outcome> queued;
  for (int i = 0; i < 4; ++i) queued.push_back(Submit({1}));
  const Outcome refused = Submit({1});
  ASSERT_TRUE(refused.ready());
  EXPECT_THAT(refused.Get(), StatusIs(absl::StatusCode::kResourceExhausted,
                                      HasSubstr("queue is full")));
  const ErrorInfo info = GetErrorInfo(refused.Get().status());
  EXPECT_EQ(info.reason, "QUEUE_FULL");
  EXPECT_TRUE(info.retry_after.has_value());
  model_.Release();
  for (const Outcome& outcome : queued) EXPECT_OK(outcome.Get());
}

TEST_F(SchedulerTest, OneTenantCannotHaveTheWholeQueueToItself) {
  const Outcome first = OccupyDevice();
  const auto submit = [this](const std::string& tenant) {
    Outcome outcome;
    StepTask task = Task({1}, outcome);
    task.tenant = tenant;
    scheduler_->Submit(std::move(task));
    return outcome;
  };
  std::vector<Outcome> queued;
  for (const char* tenant : {"quiet", "flood", "flood"}) {
    queued.push_back(submit(tenant));
  }
  const Outcome refused = submit("flood");
  ASSERT_TRUE(refused.ready());
  EXPECT_THAT(refused.Get(), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(GetErrorInfo(refused.Get().status()).metadata.at("tenant_bound"),
            "2");
  queued.push_back(submit("quiet"));
  model_.Release();
  for (const Outcome& outcome : queued) EXPECT_OK(outcome.Get());
}

TEST_F(SchedulerTest, HigherClassesAndTenantsThatHadLessGoFirst) {
  options_.batch.max_rows = 1;
  options_.max_waiting = 100;
  scheduler_ = std::make_unique<Scheduler>(options_, &clock_, &observer_);
  const Outcome first = OccupyDevice();
  Mutex mu;
  std::vector<std::string> order;
  const auto submit = [&](const std::string& tenant, Priority priority) {
    StepTask task = Task({1}, Outcome());
    task.tenant = tenant;
    task.priority = priority;
    task.done = [&, name = tenant](const absl::StatusOr<StepOutcome>&) {
      MutexLock lock(&mu);
      order.push_back(name);
    };
    scheduler_->Submit(std::move(task));
  };
  submit("low", Priority::kLow);
  for (int i = 0; i < 3; ++i) submit("flood", Priority::kNormal);
  submit("quiet", Priority::kNormal);
  submit("high", Priority::kHigh);
  model_.Release();
  scheduler_.reset();
  MutexLock lock(&mu);
  EXPECT_THAT(order,
              ElementsAre("high", "flood", "quiet", "flood", "flood", "low"));
}

TEST_F(SchedulerTest, AFailedStepFailsEachRowOnceAndTheNextBatchRuns) {
  const Outcome first = OccupyDevice();
  const Outcome a = Submit({1});
  const Outcome b = Submit({2});
  model_.FailNext(absl::OkStatus());
  model_.Release();
  EXPECT_OK(first.Get());
  EXPECT_OK(a.Get());
  EXPECT_OK(b.Get());
  model_.FailNext(absl::InternalError("device"));
  const Outcome failed = Submit({3});
  EXPECT_THAT(failed.Get(), StatusIs(absl::StatusCode::kInternal));
  EXPECT_EQ(failed.sets(), 1);
  EXPECT_OK(Submit({3}).Get());
}

TEST_F(SchedulerTest, ARowThatFailsIsAnsweredAloneAndOnce) {
  const Outcome first = OccupyDevice();
  std::vector<Outcome> outcomes;
  for (int32_t i = 1; i <= 4; ++i) outcomes.push_back(Submit({i}));
  model_.Refuse(3);
  model_.Release();
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(outcomes[i].Get().ok(), i != 2) << i;
    EXPECT_EQ(outcomes[i].sets(), 1);
  }
  EXPECT_THAT(outcomes[2].Get(), StatusIs(absl::StatusCode::kInternal));
  EXPECT_EQ(Int64s(outcomes[3].Get()->result.outputs[0]).back(),
            FakeModel::Next(0, 4));
  EXPECT_THAT(model_.batches(), ElementsAre(1, 4, 2, 2, 1, 1));
}

TEST_F(SchedulerTest, WhatIsSubmittedByAFailedRowIsRunThoughOthersFailToo) {
  const Outcome first = OccupyDevice();
  Outcome b, c;
  StepTask a = Task({7}, Outcome());
  a.done = [this, &c](const absl::StatusOr<StepOutcome>&) {
    scheduler_->Submit(Task({1}, c));
  };
  scheduler_->Submit(std::move(a));
  scheduler_->Submit(Task({7}, b));
  model_.Refuse(7);
  model_.Release();
  EXPECT_THAT(b.Get(), StatusIs(absl::StatusCode::kInternal));
  EXPECT_OK(c.Get());
}

TEST_F(SchedulerTest, AValueThatCannotBeLoadedFailsItsRowAlone) {
  const Outcome first = OccupyDevice();
  const Outcome good = Submit({1});
  Outcome bad;
  StepTask task = Task({2}, bad);
  task.memory = nullptr;
  task.saved_memory = std::make_shared<const std::string>("torn");
  scheduler_->Submit(std::move(task));
  model_.Release();
  EXPECT_THAT(bad.Get(), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_EQ(bad.sets(), 1);
  EXPECT_OK(good.Get());
}

TEST_F(SchedulerTest, OutputsOfABatchAreBounded) {
  options_.batch.max_output_bytes = 2 * 4 * 8;  // two full segments' sums
  scheduler_ = std::make_unique<Scheduler>(options_, &clock_, &observer_);
  const Outcome first = OccupyDevice();
  std::vector<Outcome> queued;
  for (int i = 0; i < 3; ++i) queued.push_back(Submit({1, 2, 3, 4}));
  model_.Release();
  for (const Outcome& outcome : queued) EXPECT_OK(outcome.Get());
  EXPECT_THAT(model_.batches(), ElementsAre(1, 2, 1));
}

TEST_F(SchedulerTest, TheQueueIsOpenWhileABatchIsDecided) {
  const Outcome first = OccupyDevice();
  Outcome nested;
  Outcome outcome;
  StepTask task = Task({1}, outcome);
  task.cancelled = [this, &nested] {
    if (!nested.ready()) scheduler_->Submit(Task({2}, nested));
    return scheduler_->waiting() == 0;
  };
  scheduler_->Submit(std::move(task));
  model_.Release();
  EXPECT_OK(outcome.Get());
  EXPECT_OK(nested.Get());
}

TEST_F(SchedulerTest, WhatIsLeftKeepsItsPlaceBeforeWhatComes) {
  options_.batch.max_rows = 1;
  scheduler_ = std::make_unique<Scheduler>(options_, &clock_, &observer_);
  const Outcome first = OccupyDevice();
  Mutex mu;
  std::vector<int32_t> order;
  const auto submit = [&](int32_t token) {
    StepTask task = Task({token}, Outcome());
    task.done = [&mu, &order, token](const absl::StatusOr<StepOutcome>&) {
      MutexLock lock(&mu);
      order.push_back(token);
    };
    scheduler_->Submit(std::move(task));
  };
  for (const int32_t token : {1, 2, 3}) submit(token);
  model_.Release();
  EXPECT_OK(first.Get());
  submit(4);
  scheduler_.reset();
  MutexLock lock(&mu);
  EXPECT_THAT(order, ElementsAre(1, 2, 3, 4));
}

TEST_F(SchedulerTest, DestructionFinishesWhatWasSubmitted) {
  const Outcome first = OccupyDevice();
  std::vector<Outcome> queued;
  for (int i = 0; i < 3; ++i) queued.push_back(Submit({1}));
  model_.Release();
  scheduler_.reset();
  for (const Outcome& outcome : queued) {
    EXPECT_TRUE(outcome.ready());
    EXPECT_EQ(outcome.sets(), 1);
  }
  EXPECT_EQ(observer_.rows(), 4);
}

}  // namespace
}  // namespace mneme
