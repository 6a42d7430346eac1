#ifndef MNEME_TESTS_INTEGRATION_HELD_MODEL_H_
#define MNEME_TESTS_INTEGRATION_HELD_MODEL_H_

#include <condition_variable>
#include <memory>
#include <utility>
#include <vector>

#include "model/sequence_model.h"
#include "server/base/mutex.h"

namespace mneme {

// A real model whose steps a test can hold still, to have others wait for the
// device behind them. Steps run on the executor thread; the rest may be called
// from any.
class HeldModel : public SequenceModel {
 public:
  explicit HeldModel(std::unique_ptr<SequenceModel> model)
      : model_(std::move(model)) {}

  const ModelSpec& spec() const override { return model_->spec(); }
  MemoryRef InitialMemory() const override { return model_->InitialMemory(); }
  absl::StatusOr<std::unique_ptr<StepInFlight>> Start(
      absl::Span<const StepRow> rows) override ABSL_LOCKS_EXCLUDED(mu_) {
    {
      MutexLock lock(&mu_);
      held_rows_ = hold_ ? rows.size() : 0;
      changed_.notify_all();
      while (hold_) lock.Wait(changed_);
      held_rows_ = 0;
    }
    return model_->Start(rows);
  }
  absl::StatusOr<std::vector<std::string>> Save(
      absl::Span<const MemoryRef> memories) override {
    return model_->Save(memories);
  }
  absl::StatusOr<std::vector<MemoryRef>> Load(
      absl::Span<const absl::string_view> bytes) override {
    return model_->Load(bytes);
  }

  // Steps wait from now on, until Release().
  void Hold() ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    hold_ = true;
  }
  void Release() ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    hold_ = false;
    changed_.notify_all();
  }
  // Returns when a step waits on Hold(): its rows.
  size_t AwaitHeld() ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    while (held_rows_ == 0) lock.Wait(changed_);
    return held_rows_;
  }

 private:
  const std::unique_ptr<SequenceModel> model_;
  Mutex mu_;
  std::condition_variable changed_;
  bool hold_ ABSL_GUARDED_BY(mu_) = false;
  size_t held_rows_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace mneme

#endif  // MNEME_TESTS_INTEGRATION_HELD_MODEL_H_
