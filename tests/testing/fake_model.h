#ifndef MNEME_TESTS_TESTING_FAKE_MODEL_H_
#define MNEME_TESTS_TESTING_FAKE_MODEL_H_

#include <condition_variable>
#include <cstdint>
#include <vector>

#include "model/host_model.h"
#include "server/base/mutex.h"

namespace mneme {

// A model of exact arithmetic that a test can hold still and break. Its memory
// is one I64: FakeModel::Next() of every token applied. Its output "sum" is
// that number after each token, "noise" counts computations (so a recomputed
// output differs from a kept one). Step runs on the executor thread; the rest
// may be called from any.
class FakeModel : public HostModel {
 public:
  explicit FakeModel(int64_t segment_size, const std::string& name = "fake");

  static int64_t Next(int64_t sum, int32_t token) {
    return static_cast<int64_t>(
        (static_cast<uint64_t>(sum) + static_cast<uint64_t>(token) + 1) *
        0x9E3779B97F4A7C15ULL);
  }

  const ModelSpec& spec() const override { return spec_; }
  ModelSpec* mutable_spec() { return &spec_; }
  MemoryRef InitialMemory() const override;
  absl::StatusOr<std::vector<std::string>> Save(
      absl::Span<const MemoryRef> memories) override;
  absl::StatusOr<std::vector<MemoryRef>> Load(
      absl::Span<const absl::string_view> bytes) override;

  // Steps wait from now on, until Release().
  void Hold() ABSL_LOCKS_EXCLUDED(mu_);
  // The same from `steps` steps from now on.
  void HoldAfter(int64_t steps) ABSL_LOCKS_EXCLUDED(mu_);
  void Release() ABSL_LOCKS_EXCLUDED(mu_);
  // Returns when a step waits on Hold().
  void AwaitHeld() ABSL_LOCKS_EXCLUDED(mu_);
  // The next step fails with this.
  void FailNext(absl::Status status) ABSL_LOCKS_EXCLUDED(mu_);
  // Every step with a row that has this token fails, whole: INTERNAL.
  void Refuse(int32_t token) ABSL_LOCKS_EXCLUDED(mu_);
  // Rows of each step so far, failed ones too.
  std::vector<int64_t> batches() const ABSL_LOCKS_EXCLUDED(mu_);

 protected:
  absl::StatusOr<std::vector<StepResult>> Apply(
      absl::Span<const StepRow> rows) override ABSL_LOCKS_EXCLUDED(mu_);

 private:
  ModelSpec spec_;
  mutable Mutex mu_;
  std::condition_variable changed_;
  bool hold_ ABSL_GUARDED_BY(mu_) = false;
  int64_t hold_after_ ABSL_GUARDED_BY(mu_) = -1;  // steps; -1: never
  bool held_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status fail_next_ ABSL_GUARDED_BY(mu_);
  int32_t refused_ ABSL_GUARDED_BY(mu_) = -1;
  std::vector<int64_t> batches_ ABSL_GUARDED_BY(mu_);
};

// The I64 values of an output of FakeModel or of the oracle family.
std::vector<int64_t> Int64s(const HostTensor& tensor);

}  // namespace mneme

#endif  // MNEME_TESTS_TESTING_FAKE_MODEL_H_
