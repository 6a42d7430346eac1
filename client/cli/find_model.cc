#include "client/cli/find_model.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/base/status_macros.h"

namespace mneme::cli {

absl::StatusOr<client::ModelInfo> FindModel(client::Client& client,
                                            const std::string& name) {
  if (!name.empty()) return client.GetModel(name);
  ASSIGN_OR_RETURN(std::vector<client::ModelInfo> models, client.ListModels());
  if (models.size() == 1) return models[0];
  std::string names = absl::StrJoin(
      models, ", ", [](std::string* out, const client::ModelInfo& model) {
        absl::StrAppend(out, model.name);
      });
  return absl::InvalidArgumentError(
      absl::StrCat("--model: expected one of the server's ", models.size(),
                   " models: ", names));
}

}  // namespace mneme::cli
