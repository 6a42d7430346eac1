#include "model/load_model.h"

#include "model/checkpoint/model_config.h"
#include "model/memory/null.h"
#include "model/memory/oracle.h"
#include "model/memory/rmt.h"
#include "server/base/status_macros.h"

namespace mneme {

absl::StatusOr<std::unique_ptr<SequenceModel>> LoadModel(
    const std::string& folder, const ModelOptions& options) {
  ASSIGN_OR_RETURN(const ModelConfig config, ReadModelConfig(folder));
  if (config.architecture == "oracle") return MakeOracle(config);
  if (config.architecture == "null") return MakeNull(config);
  return MakeRmt(config, options);
}

}  // namespace mneme
