#include "model/memory/null.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "model/host_model.h"
#include "model/memory/exact_model.h"
#include "model/memory/row_checks.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

struct NullValue final : public Memory {};

class Null final : public HostModel {
 public:
  explicit Null(ModelSpec spec)
      : spec_(std::move(spec)),
        zero_(static_cast<size_t>(spec_.memory_bytes()), '\0'),
        value_(std::make_shared<const NullValue>()) {}

  const ModelSpec& spec() const override { return spec_; }
  MemoryRef InitialMemory() const override { return value_; }

  absl::StatusOr<std::vector<std::string>> Save(
      absl::Span<const MemoryRef> memories) override {
    return std::vector<std::string>(memories.size(), zero_);
  }

  absl::StatusOr<std::vector<MemoryRef>> Load(
      absl::Span<const absl::string_view> bytes) override {
    for (size_t i = 0; i < bytes.size(); ++i) {
      if (bytes[i] == zero_) continue;
      return absl::DataLossError(
          absl::StrCat("memory ", i, " is not the ", zero_.size(),
                       " zero bytes of model ", spec_.name));
    }
    return std::vector<MemoryRef>(bytes.size(), value_);
  }

 private:
  absl::StatusOr<std::vector<StepResult>> Apply(
      absl::Span<const StepRow> rows) override {
    RETURN_IF_ERROR(CheckRows(spec_, rows));
    std::vector<StepResult> results(rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      results[i].memory = value_;
      if (!WantsOutputs(rows[i])) continue;
      const OutputRequest& request = *rows[i].request;
      const std::vector<int32_t> zeros(
          request.last_position_only ? 1 : rows[i].tokens.size(), 0);
      for (const std::string& name : request.names) {
        results[i].outputs.push_back(
            MakeHostTensor(name, DType::kInt32, zeros));
      }
    }
    return results;
  }

  const ModelSpec spec_;
  const std::string zero_;
  const MemoryRef value_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<SequenceModel>> MakeNull(
    const ModelConfig& config) {
  return std::make_unique<Null>(
      SpecOfConfig(config, {{"argmax", DType::kInt32, {-1}}},
                   {{"memory", DType::kFloat32, {4}}}));
}

}  // namespace mneme
