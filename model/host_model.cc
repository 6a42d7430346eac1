#include "model/host_model.h"

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

class FinishedStep final : public StepInFlight {
 public:
  explicit FinishedStep(std::vector<StepResult> results)
      : results_(std::move(results)) {}

  absl::StatusOr<std::vector<StepResult>> Wait() override {
    return std::move(results_);
  }

 private:
  std::vector<StepResult> results_;
};

absl::Status SaveAsked(SequenceModel* model, absl::Span<const StepRow> rows,
                       std::vector<StepResult>* results) {
  std::vector<MemoryRef> memories;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].save) memories.push_back((*results)[i].memory);
  }
  if (memories.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::vector<std::string> saved, model->Save(memories));
  auto next = saved.begin();
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].save) (*results)[i].saved_memory = std::move(*next++);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<StepInFlight>> HostModel::Start(
    absl::Span<const StepRow> rows) {
  ASSIGN_OR_RETURN(std::vector<StepResult> results, Apply(rows));
  if (results.size() != rows.size()) {
    return absl::InternalError(absl::StrCat(
        "a batch of ", rows.size(), " rows gave ", results.size(), " results"));
  }
  RETURN_IF_ERROR(SaveAsked(this, rows, &results));
  return std::make_unique<FinishedStep>(std::move(results));
}

}  // namespace mneme
