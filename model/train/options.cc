#include "model/train/options.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "model/train/schedule.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

constexpr int64_t kVocabulary = 256;
constexpr double kNormEpsilon = 1e-5;

absl::Status Refuse(absl::string_view flag, absl::string_view expected) {
  return absl::InvalidArgumentError(
      absl::StrCat(flag, ": expected ", expected));
}

int64_t Positions(const ModelShape& shape) {
  return shape.segment + 2 * shape.memory;
}

nlohmann::json Gpt2Json(const ModelShape& shape) {
  return {{"model_type", "gpt2"},
          {"vocab_size", kVocabulary},
          {"n_positions", Positions(shape)},
          {"n_embd", shape.width},
          {"n_layer", shape.layers},
          {"n_head", shape.heads},
          {"n_inner", shape.inner > 0 ? shape.inner : 4 * shape.width},
          {"activation_function", "gelu_new"},
          {"layer_norm_epsilon", kNormEpsilon},
          {"tie_word_embeddings", false}};
}

nlohmann::json LlamaJson(const ModelShape& shape) {
  const int64_t inner = (8 * shape.width / 3 + 31) / 32 * 32;
  return {{"model_type", "llama"},
          {"vocab_size", kVocabulary},
          {"max_position_embeddings", Positions(shape)},
          {"hidden_size", shape.width},
          {"num_hidden_layers", shape.layers},
          {"num_attention_heads", shape.heads},
          {"num_key_value_heads", shape.heads},
          {"intermediate_size", shape.inner > 0 ? shape.inner : inner},
          {"hidden_act", "silu"},
          {"rms_norm_eps", kNormEpsilon},
          {"rope_theta", 10000.0},
          {"tie_word_embeddings", false}};
}

nlohmann::json GptNeoXJson(const ModelShape& shape) {
  return {
      {"model_type", "gpt_neox"},
      {"vocab_size", kVocabulary},
      {"max_position_embeddings", Positions(shape)},
      {"hidden_size", shape.width},
      {"num_hidden_layers", shape.layers},
      {"num_attention_heads", shape.heads},
      {"intermediate_size", shape.inner > 0 ? shape.inner : 4 * shape.width},
      {"hidden_act", "gelu"},
      {"layer_norm_eps", kNormEpsilon},
      {"rotary_pct", 0.25},
      {"rotary_emb_base", 10000},
      {"use_parallel_residual", true},
      {"tie_word_embeddings", false}};
}

absl::Status ValidateShape(const ModelShape& shape) {
  if (shape.backbone != "gpt2" && shape.backbone != "llama" &&
      shape.backbone != "gpt_neox") {
    return Refuse("--backbone", "gpt2, llama or gpt_neox");
  }
  const std::vector<std::pair<const char*, int64_t>> positive = {
      {"--layers", shape.layers},
      {"--width", shape.width},
      {"--heads", shape.heads},
      {"--segment", shape.segment}};
  for (const auto& [flag, value] : positive) {
    if (value < 1) return Refuse(flag, "at least 1");
  }
  if (shape.memory < 0) return Refuse("--memory", "0 or more");
  if (shape.inner < 0) return Refuse("--inner", "0 or more");
  if (shape.width % shape.heads != 0) {
    return Refuse("--heads", "a divisor of --width");
  }
  return absl::OkStatus();
}

absl::Status ValidateRun(const LmOptions& options) {
  if (options.streams < 1) return Refuse("--streams", "at least 1");
  if (options.tokens < 0) return Refuse("--tokens", "0 or more");
  if (!(options.seconds >= 0)) return Refuse("--seconds", "0 or more");
  if (options.tokens == 0 && !(options.seconds > 0)) {
    return Refuse("--tokens or --seconds", "one of them, above 0");
  }
  if (!(options.reset_probability >= 0 && options.reset_probability <= 1)) {
    return Refuse("--reset-probability", "a number from 0 to 1");
  }
  if (!(options.learning_rate > 0)) return Refuse("--lr", "above 0");
  if (!(options.warmup >= 0 && options.warmup <= 1)) {
    return Refuse("--warmup", "a share of the run, from 0 to 1");
  }
  if (!(options.clip > 0)) return Refuse("--clip", "above 0");
  if (options.log_every < 1) return Refuse("--log-every", "at least 1");
  if (options.eval_streams < 1) return Refuse("--eval-streams", "at least 1");
  return BpttSchedule::Parse(options.bptt).status();
}

}  // namespace

absl::Status Validate(const LmOptions& options) {
  if (options.data.empty()) return Refuse("--data", "a text file");
  if (options.out.empty()) return Refuse("--out", "a folder");
  RETURN_IF_ERROR(ValidateShape(options.model));
  RETURN_IF_ERROR(ValidateRun(options));
  if (!options.precision.empty() && options.precision != "float32" &&
      options.precision != "bfloat16") {
    return Refuse("--precision", "float32 or bfloat16");
  }
  if (options.weights_dtype != "float32" &&
      options.weights_dtype != "bfloat16") {
    return Refuse("--weights", "float32 or bfloat16");
  }
  return absl::OkStatus();
}

nlohmann::json ModelConfigJson(const ModelShape& shape) {
  nlohmann::json backbone = shape.backbone == "llama"      ? LlamaJson(shape)
                            : shape.backbone == "gpt_neox" ? GptNeoXJson(shape)
                                                           : Gpt2Json(shape);
  return {{"name", shape.name},
          {"version", "1"},
          {"architecture", "rmt"},
          {"tokenizer", "bytes"},
          {"num_mem_tokens", shape.memory},
          {"segment_size", shape.segment},
          {"backbone", std::move(backbone)}};
}

}  // namespace mneme
