#ifndef MNEME_CLIENT_CLI_FIND_MODEL_H_
#define MNEME_CLIENT_CLI_FIND_MODEL_H_

#include <string>

#include "absl/status/statusor.h"
#include "client/client.h"

namespace mneme::cli {

// The model of that name; of no name, the server's only one. INVALID_ARGUMENT
// names --model and those that there are. Run by the command's thread.
absl::StatusOr<client::ModelInfo> FindModel(client::Client& client,
                                            const std::string& name);

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_FIND_MODEL_H_
