#include "model/backbone/make_backbone.h"

#include <algorithm>

#include "model/backbone/gpt2.h"
#include "model/backbone/gpt_neox.h"
#include "model/backbone/llama.h"
#include "model/checkpoint/config_reader.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

// Parses `config` as its family's and gives the result to `use`, which returns
// a StatusOr<Result>.
template <typename Result, typename Use>
absl::StatusOr<Result> WithParsed(const nlohmann::json& config,
                                  const Use& use) {
  const auto it = config.find("model_type");
  const std::string family =
      it != config.end() && it->is_string() ? it->get<std::string>() : "";
  if (family == "gpt2") {
    ASSIGN_OR_RETURN(const Gpt2Config parsed, ParseGpt2Config(config));
    return use(parsed);
  }
  if (family == "llama") {
    ASSIGN_OR_RETURN(const LlamaConfig parsed, ParseLlamaConfig(config));
    return use(parsed);
  }
  if (family == "gpt_neox") {
    ASSIGN_OR_RETURN(const GptNeoxConfig parsed, ParseGptNeoxConfig(config));
    return use(parsed);
  }
  ConfigReader reader(config, "config.json: backbone");
  reader.Fail("model_type", "gpt2, llama or gpt_neox");
  return reader.Finish();
}

// Overloads, one a family.
auto Parameters(const Gpt2Config& config) { return Gpt2Parameters(config); }
auto Parameters(const LlamaConfig& config) { return LlamaParameters(config); }
auto Parameters(const GptNeoxConfig& config) {
  return GptNeoxParameters(config);
}
// GPT-2's positions are a weight: it has as many as its file.
auto Make(const Gpt2Config& config, const WeightMap& weights, int64_t) {
  return MakeGpt2(config, weights);
}
auto Make(LlamaConfig config, const WeightMap& weights, int64_t max_row) {
  config.positions = std::min(config.positions, max_row);
  return MakeLlama(config, weights);
}
auto Make(GptNeoxConfig config, const WeightMap& weights, int64_t max_row) {
  config.positions = std::min(config.positions, max_row);
  return MakeGptNeox(config, weights);
}

}  // namespace

absl::StatusOr<std::vector<ParameterSpec>> BackboneParameters(
    const nlohmann::json& config) {
  return WithParsed<std::vector<ParameterSpec>>(
      config, [](const auto& parsed) { return Parameters(parsed); });
}

absl::StatusOr<std::string> CanonicalBackbone(const nlohmann::json& config) {
  return WithParsed<std::string>(
      config, [](const auto& parsed) { return CanonicalText(parsed); });
}

absl::StatusOr<BackboneSizes> SizesOf(const nlohmann::json& config) {
  return WithParsed<BackboneSizes>(config, [](const auto& parsed) {
    return BackboneSizes{parsed.width, parsed.vocab, parsed.positions};
  });
}

absl::StatusOr<std::unique_ptr<Backbone>> MakeBackbone(
    const nlohmann::json& config, const WeightMap& weights, int64_t max_row) {
  return WithParsed<std::unique_ptr<Backbone>>(config, [&](const auto& parsed) {
    return Make(parsed, weights, max_row);
  });
}

}  // namespace mneme
