#include "model/memory/oracle.h"

#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/host_model.h"
#include "model/memory/exact_model.h"
#include "model/memory/row_checks.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

struct OracleValue final : public Memory {
  int64_t state = 0;
  int64_t position = 0;
  int64_t segments = 0;
};

// SplitMix64's finaliser: a bijection that spreads every bit.
uint64_t Mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

int64_t Advance(int64_t state, int64_t position, int32_t token) {
  const uint64_t place =
      Mix(static_cast<uint64_t>(position) + 0x9e3779b97f4a7c15);
  return static_cast<int64_t>(
      Mix(static_cast<uint64_t>(state) + place + static_cast<uint64_t>(token)));
}

class Oracle final : public HostModel {
 public:
  explicit Oracle(ModelSpec spec)
      : spec_(std::move(spec)),
        initial_(std::make_shared<const OracleValue>()) {}

  const ModelSpec& spec() const override { return spec_; }
  MemoryRef InitialMemory() const override { return initial_; }
  absl::StatusOr<std::vector<std::string>> Save(
      absl::Span<const MemoryRef> memories) override;
  absl::StatusOr<std::vector<MemoryRef>> Load(
      absl::Span<const absl::string_view> bytes) override;

 private:
  absl::StatusOr<std::vector<StepResult>> Apply(
      absl::Span<const StepRow> rows) override;
  absl::StatusOr<StepResult> StepOne(size_t index, const StepRow& row) const;
  std::vector<HostTensor> Outputs(const StepRow& row,
                                  const std::vector<int64_t>& states) const;

  const ModelSpec spec_;
  const MemoryRef initial_;
};

std::vector<HostTensor> Oracle::Outputs(
    const StepRow& row, const std::vector<int64_t>& states) const {
  std::vector<HostTensor> outputs;
  const size_t begin = row.request->last_position_only ? states.size() - 1 : 0;
  for (const std::string& name : row.request->names) {
    std::vector<int64_t> wide(states.begin() + static_cast<ptrdiff_t>(begin),
                              states.end());
    if (name == "argmax") {
      std::vector<int32_t> ids;
      for (const int64_t state : wide) {
        ids.push_back(
            static_cast<int32_t>(static_cast<uint64_t>(state) %
                                 static_cast<uint64_t>(spec_.vocab_size)));
      }
      outputs.push_back(MakeHostTensor(name, DType::kInt32, ids));
      continue;
    }
    if (name == "decoded") {
      wide.clear();
      for (const NamedTokens& input : row.extra_inputs) {
        wide = OracleDecode(states.back(), input.tokens);
      }
    }
    outputs.push_back(MakeHostTensor(name, DType::kInt64, wide));
  }
  return outputs;
}

absl::StatusOr<StepResult> Oracle::StepOne(size_t index,
                                           const StepRow& row) const {
  const auto* old = dynamic_cast<const OracleValue*>(row.memory.get());
  if (old == nullptr) {
    return RowError(index, "its memory was made by another model");
  }
  if (row.fresh != (old->segments == 0)) {
    return RowError(index, absl::StrCat("fresh is ", row.fresh,
                                        ", but its memory has seen ",
                                        old->segments, " segments"));
  }
  auto value = std::make_shared<OracleValue>();
  if (!row.reset_memory) {
    value->state = old->state;
    value->position = old->position;
  }
  value->segments = old->segments + 1;
  std::vector<int64_t> states;
  for (const int32_t token : row.tokens) {
    value->state = Advance(value->state, value->position++, token);
    states.push_back(value->state);
  }
  StepResult result;
  if (WantsOutputs(row)) result.outputs = Outputs(row, states);
  result.memory = std::move(value);
  return result;
}

absl::StatusOr<std::vector<StepResult>> Oracle::Apply(
    absl::Span<const StepRow> rows) {
  RETURN_IF_ERROR(CheckRows(spec_, rows));
  std::vector<StepResult> results(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    ASSIGN_OR_RETURN(results[i], StepOne(i, rows[i]));
  }
  return results;
}

absl::StatusOr<std::vector<std::string>> Oracle::Save(
    absl::Span<const MemoryRef> memories) {
  std::vector<std::string> bytes;
  for (size_t i = 0; i < memories.size(); ++i) {
    const auto* value = dynamic_cast<const OracleValue*>(memories[i].get());
    if (value == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("memory ", i, " was made by another model"));
    }
    const int64_t fields[] = {value->state, value->position, value->segments};
    bytes.emplace_back(reinterpret_cast<const char*>(fields), sizeof(fields));
  }
  return bytes;
}

absl::StatusOr<std::vector<MemoryRef>> Oracle::Load(
    absl::Span<const absl::string_view> bytes) {
  std::vector<MemoryRef> memories;
  for (size_t i = 0; i < bytes.size(); ++i) {
    int64_t fields[3] = {};
    if (bytes[i].size() != sizeof(fields)) {
      return absl::DataLossError(
          absl::StrCat("memory ", i, " has ", bytes[i].size(), " bytes; model ",
                       spec_.name, " has memories of ", sizeof(fields)));
    }
    std::memcpy(fields, bytes[i].data(), sizeof(fields));
    auto value = std::make_shared<OracleValue>();
    value->state = fields[0];
    value->position = fields[1];
    value->segments = fields[2];
    memories.push_back(std::move(value));
  }
  return memories;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SequenceModel>> MakeOracle(
    const ModelConfig& config) {
  std::vector<TensorSpec> outputs = {{"argmax", DType::kInt32, {-1}},
                                     {"state", DType::kInt64, {-1}}};
  if (!config.extra_inputs.empty()) {
    outputs.push_back({"decoded", DType::kInt64, {-1}, config.extra_inputs[0]});
  }
  return std::make_unique<Oracle>(
      SpecOfConfig(config, std::move(outputs),
                   {{"state", DType::kInt64, {1}},
                    {"position", DType::kInt64, {1}},
                    {"segments", DType::kInt64, {1}}}));
}

int64_t OracleState(absl::Span<const int32_t> tokens) {
  return OracleState(0, 0, tokens);
}

int64_t OracleState(int64_t state, int64_t position,
                    absl::Span<const int32_t> tokens) {
  for (const int32_t token : tokens) state = Advance(state, position++, token);
  return state;
}

std::vector<int64_t> OracleDecode(int64_t state,
                                  absl::Span<const int32_t> decoder_tokens) {
  std::vector<int64_t> decoded;
  int64_t position = 0;
  for (const int32_t token : decoder_tokens) {
    state = Advance(~state, position++, token);
    decoded.push_back(state);
  }
  return decoded;
}

}  // namespace mneme
