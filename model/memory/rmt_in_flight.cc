#include "model/memory/rmt_in_flight.h"

#include <utility>

#include "model/checkpoint/torch_tensor.h"
#include "model/runtime/torch_guard.h"

namespace mneme {

absl::StatusOr<std::vector<StepResult>> RmtInFlight::Wait() {
  return InInferenceMode([&]() -> absl::StatusOr<std::vector<StepResult>> {
    download.Wait();
    auto values = outputs.Take(download);
    std::vector<StepResult> results(order.size());
    for (size_t i = 0; i < order.size(); ++i) {
      results[order[i]].memory = std::move(memories[i]);
      results[order[i]].outputs = std::move(values[i]);
    }
    for (size_t i = 0; i < saved_rows.size(); ++i) {
      results[order[saved_rows[i]]].saved_memory =
          ToHost("", download.host(saved)[static_cast<int64_t>(i)]).data;
    }
    return results;
  });
}

}  // namespace mneme
