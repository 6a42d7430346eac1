#ifndef MNEME_CLIENT_CLI_STREAM_PLAN_H_
#define MNEME_CLIENT_CLI_STREAM_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/arguments.h"
#include "client/cli/handles_file.h"
#include "client/client.h"

namespace mneme::cli {

// What a run of `mneme stream` will do: its model and its sessions, open, each
// with the text it is given. A plain value.
struct StreamPlan {
  client::ModelInfo model;
  std::vector<ResumePoint> sessions;
  bool resumed = false;       // the sessions are older than this run
  uint64_t memory_bytes = 0;  // of one session
  uint64_t total_bytes = 0;   // of text
};

// Opens a session for each part of the files, or finds those of --resume. If
// one cannot be opened, those that were are closed again.
absl::StatusOr<StreamPlan> MakeStreamPlan(client::Client& client,
                                          const StreamArguments& arguments);

// The outputs to ask `model` for: those of --outputs ("none" for none), else
// log_probs, and argmax for --record, where the model has them.
absl::StatusOr<std::vector<std::string>> ChooseOutputs(
    const StreamArguments& arguments, const client::ModelInfo& model);

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_STREAM_PLAN_H_
