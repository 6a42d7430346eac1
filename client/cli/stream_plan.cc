#include "client/cli/stream_plan.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/find_model.h"
#include "server/base/status_macros.h"

namespace mneme::cli {
namespace {

absl::Status CheckTakesText(const client::ModelInfo& model) {
  if (model.tokenizer == "bytes") return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("model ", model.name,
                   " takes token ids, not text: expected tokenizer "
                   "'bytes', found '",
                   model.tokenizer, "'"));
}

absl::Status OpenSessions(client::Client& client,
                          const StreamArguments& arguments,
                          const std::vector<TextPart>& parts,
                          StreamPlan& plan) {
  client::SessionSpec spec;
  spec.model = plan.model.name;
  spec.memory_policy = arguments.memory_policy;
  spec.durability = arguments.durability;
  spec.idle_ttl = arguments.ttls.idle_ttl;
  spec.max_age = arguments.ttls.max_age;
  for (const TextPart& part : parts) {
    if (!arguments.session_prefix.empty()) {
      spec.session_id =
          absl::StrCat(arguments.session_prefix, "-", plan.sessions.size());
    }
    ASSIGN_OR_RETURN(client::SessionInfo session, client.OpenSession(spec));
    plan.memory_bytes = session.memory_bytes;
    plan.sessions.push_back({session.head.handle, part});
  }
  return absl::OkStatus();
}

absl::StatusOr<StreamPlan> PlanNew(client::Client& client,
                                   const StreamArguments& arguments) {
  ASSIGN_OR_RETURN(
      std::vector<TextPart> parts,
      CutIntoParts(arguments.files, arguments.sessions, arguments.limit_bytes));
  StreamPlan plan;
  ASSIGN_OR_RETURN(plan.model, FindModel(client, arguments.model));
  RETURN_IF_ERROR(CheckTakesText(plan.model));
  RETURN_IF_ERROR(ChooseOutputs(arguments, plan.model).status());
  absl::Status opened = OpenSessions(client, arguments, parts, plan);
  if (opened.ok()) return plan;
  for (const ResumePoint& session : plan.sessions) {
    client.CloseSession(session.handle.session_id).status().IgnoreError();
  }
  return opened;
}

absl::StatusOr<StreamPlan> PlanResumed(client::Client& client,
                                       const StreamArguments& arguments) {
  StreamPlan plan;
  plan.resumed = true;
  ASSIGN_OR_RETURN(plan.sessions, ReadHandles(arguments.resume_file));
  std::string model;
  for (const ResumePoint& point : plan.sessions) {
    ASSIGN_OR_RETURN(client::SessionInfo session,
                     client.GetSession(point.handle.session_id));
    if (!model.empty() && model != session.model) {
      return absl::InvalidArgumentError(absl::StrCat(
          arguments.resume_file, ": expected sessions of one model, found ",
          model, " and ", session.model));
    }
    model = session.model;
    plan.memory_bytes = session.memory_bytes;
  }
  ASSIGN_OR_RETURN(plan.model, client.GetModel(model));
  RETURN_IF_ERROR(CheckTakesText(plan.model));
  RETURN_IF_ERROR(ChooseOutputs(arguments, plan.model).status());
  return plan;
}

}  // namespace

absl::StatusOr<StreamPlan> MakeStreamPlan(client::Client& client,
                                          const StreamArguments& arguments) {
  bool resumed = !arguments.resume_file.empty();
  ASSIGN_OR_RETURN(StreamPlan plan, resumed ? PlanResumed(client, arguments)
                                            : PlanNew(client, arguments));
  for (const ResumePoint& session : plan.sessions) {
    plan.total_bytes += session.rest.end - session.rest.begin;
  }
  return plan;
}

absl::StatusOr<std::vector<std::string>> ChooseOutputs(
    const StreamArguments& arguments, const client::ModelInfo& model) {
  std::vector<std::string> outputs = arguments.outputs;
  if (outputs == std::vector<std::string>{"none"}) {
    return std::vector<std::string>();
  }
  if (outputs.empty()) {
    if (model.HasOutput("log_probs")) outputs.emplace_back("log_probs");
    if (!arguments.record_file.empty() && model.HasOutput("argmax")) {
      outputs.emplace_back("argmax");
    }
  }
  for (const std::string& output : outputs) {
    if (model.HasOutput(output)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("--outputs ", output, ": model ", model.name, " has ",
                     absl::StrJoin(model.outputs, ", ")));
  }
  return outputs;
}

}  // namespace mneme::cli
