#include "tests/testing/fake_model.h"

#include <cstring>

#include "absl/algorithm/container.h"

namespace mneme {
namespace {

struct Sum : public Memory {
  explicit Sum(int64_t sum) : value(sum) {}
  const int64_t value;
};

std::string Bytes(const std::vector<int64_t>& values) {
  return {reinterpret_cast<const char*>(values.data()),
          values.size() * sizeof(int64_t)};
}

}  // namespace

FakeModel::FakeModel(int64_t segment_size, const std::string& name) {
  spec_.name = name;
  spec_.architecture = "fake";
  spec_.fingerprint = Sha256().Update(name).Finish();
  spec_.numeric_mode = "int64";
  spec_.segment_size = segment_size;
  spec_.vocab_size = 256;
  spec_.tokenizer = "bytes";
  spec_.extra_inputs = {{"decoder_tokens", 64}};
  spec_.outputs = {{"sum", DType::kInt64, {-1}}, {"noise", DType::kInt64, {1}}};
  spec_.memory = {{"sum", DType::kInt64, {1}}};
}

MemoryRef FakeModel::InitialMemory() const { return std::make_shared<Sum>(0); }

absl::StatusOr<std::vector<StepResult>> FakeModel::Apply(
    absl::Span<const StepRow> rows) {
  int64_t count = 0;
  {
    MutexLock lock(&mu_);
    if (hold_after_ >= 0 && hold_after_-- == 0) hold_ = true;
    held_ = hold_;
    changed_.notify_all();
    while (hold_) lock.Wait(changed_);
    held_ = false;
    batches_.push_back(static_cast<int64_t>(rows.size()));
    count = static_cast<int64_t>(batches_.size());
    if (!fail_next_.ok()) {
      absl::Status status = fail_next_;
      fail_next_ = absl::OkStatus();
      return status;
    }
    for (const StepRow& row : rows) {
      const auto& tokens = row.tokens;
      if (absl::c_linear_search(tokens, refused_)) {
        return absl::InternalError("a row is refused");
      }
    }
  }
  std::vector<StepResult> results;
  for (const StepRow& row : rows) {
    int64_t sum =
        row.reset_memory ? 0 : static_cast<const Sum&>(*row.memory).value;
    std::vector<int64_t> sums;
    for (const int32_t token : row.tokens) {
      sums.push_back(sum = Next(sum, token));
    }
    StepResult& result = results.emplace_back();
    result.memory = std::make_shared<Sum>(sum);
    for (const std::string& name : row.request->names) {
      const auto& values = name == "sum" ? sums : std::vector<int64_t>{count};
      result.outputs.push_back({name,
                                DType::kInt64,
                                {static_cast<int64_t>(values.size())},
                                Bytes(values)});
    }
  }
  return results;
}

absl::StatusOr<std::vector<std::string>> FakeModel::Save(
    absl::Span<const MemoryRef> memories) {
  std::vector<std::string> saved;
  for (const MemoryRef& memory : memories) {
    saved.push_back(Bytes({static_cast<const Sum&>(*memory).value}));
  }
  return saved;
}

absl::StatusOr<std::vector<MemoryRef>> FakeModel::Load(
    absl::Span<const absl::string_view> bytes) {
  std::vector<MemoryRef> memories;
  for (const absl::string_view saved : bytes) {
    int64_t value = 0;
    if (saved.size() != sizeof value) return absl::DataLossError("size");
    std::memcpy(&value, saved.data(), sizeof value);
    memories.push_back(std::make_shared<Sum>(value));
  }
  return memories;
}

void FakeModel::Hold() {
  MutexLock lock(&mu_);
  hold_ = true;
}

void FakeModel::HoldAfter(int64_t steps) {
  MutexLock lock(&mu_);
  hold_after_ = steps;
}

void FakeModel::Release() {
  MutexLock lock(&mu_);
  hold_ = false;
  hold_after_ = -1;
  changed_.notify_all();
}

void FakeModel::AwaitHeld() {
  MutexLock lock(&mu_);
  while (!held_) lock.Wait(changed_);
}

void FakeModel::FailNext(absl::Status status) {
  MutexLock lock(&mu_);
  fail_next_ = std::move(status);
}

void FakeModel::Refuse(int32_t token) {
  MutexLock lock(&mu_);
  refused_ = token;
}

std::vector<int64_t> FakeModel::batches() const {
  MutexLock lock(&mu_);
  return batches_;
}

std::vector<int64_t> Int64s(const HostTensor& tensor) {
  std::vector<int64_t> values(tensor.data.size() / sizeof(int64_t));
  std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
  return values;
}

}  // namespace mneme
