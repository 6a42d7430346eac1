#include "client/cli/bench/bench_plan.h"

#include <random>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/find_model.h"
#include "server/base/status_macros.h"

namespace mneme::cli {
namespace {

absl::StatusOr<SegmentMix> ChooseMix(const BenchArguments& arguments,
                                     const client::ModelInfo& model) {
  if (!arguments.mix.has_value()) return SegmentMix(model.segment_size);
  if (arguments.mix->largest() <= model.segment_size) return *arguments.mix;
  return absl::InvalidArgumentError(absl::StrCat(
      "--segment-tokens ", arguments.mix->ToString(), ": expected at most ",
      model.segment_size, ", a segment of model ", model.name));
}

absl::StatusOr<client::OutputSelection> ChooseOutputs(
    const BenchArguments& arguments, const client::ModelInfo& model) {
  client::OutputSelection selection;
  selection.top_k = arguments.top_k;
  selection.last_position_only = !arguments.all_positions;
  if (arguments.outputs == std::vector<std::string>{"none"}) return selection;
  selection.names = arguments.outputs;
  if (arguments.outputs.empty() && model.HasOutput("argmax")) {
    selection.names.emplace_back("argmax");
  }
  for (const std::string& output : selection.names) {
    if (model.HasOutput(output)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("--outputs ", output, ": model ", model.name, " has ",
                     absl::StrJoin(model.outputs, ", ")));
  }
  return selection;
}

std::vector<BenchLoad> Loads(const BenchArguments& arguments) {
  std::vector<BenchLoad> loads;
  for (uint64_t sessions : arguments.sessions) {
    if (arguments.rates.empty()) loads.push_back({sessions, 0});
    for (double rate : arguments.rates) loads.push_back({sessions, rate});
  }
  return loads;
}

}  // namespace

absl::StatusOr<BenchPlan> MakeBenchPlan(client::Client& client,
                                        const BenchArguments& arguments) {
  ASSIGN_OR_RETURN(client::ModelInfo model, FindModel(client, arguments.model));
  ASSIGN_OR_RETURN(SegmentMix mix, ChooseMix(arguments, model));
  ASSIGN_OR_RETURN(client::OutputSelection outputs,
                   ChooseOutputs(arguments, model));
  ASSIGN_OR_RETURN(TokenSource tokens,
                   TokenSource::Open(arguments.tokens, model.vocab_size));
  // 32 bits, so that no program that reads the JSON rounds them.
  const uint64_t seed = arguments.seed.value_or(std::random_device()());
  return BenchPlan{std::move(model),  std::move(mix), std::move(outputs),
                   std::move(tokens), seed,           Loads(arguments)};
}

}  // namespace mneme::cli
