#include "model/train/options.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/train/flag_checks.h"
#include "model/train/placement_flags.h"
#include "model/train/schedule.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

constexpr int64_t kVocabulary = 256;
constexpr double kNormEpsilon = 1e-5;

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

std::string Quoted(const std::string& value) {
  return absl::StrCat("\"", value, "\"");
}

absl::Status CheckNumber(absl::string_view flag, double value, bool fits,
                         absl::string_view expected) {
  if (fits && std::isfinite(value)) return absl::OkStatus();
  return Refuse(flag, value, expected);
}

absl::Status CheckAbove0(absl::string_view flag, double value) {
  return CheckNumber(flag, value, value > 0, "a number above 0");
}

absl::Status CheckNotNegative(absl::string_view flag, double value) {
  return CheckNumber(flag, value, value >= 0, "0 or more");
}

absl::Status CheckShare(absl::string_view flag, double value) {
  return CheckNumber(flag, value, value >= 0 && value <= 1,
                     "a number from 0 to 1");
}

// AdamW's betas: at 1 its moments would never hold a gradient.
absl::Status CheckBeta(absl::string_view flag, double value) {
  return CheckNumber(flag, value, value >= 0 && value < 1,
                     "a number from 0 to below 1");
}

absl::Status ValidateShape(const ModelShape& shape) {
  if (shape.backbone != "gpt2" && shape.backbone != "llama" &&
      shape.backbone != "gpt_neox") {
    return Refuse("--backbone", Quoted(shape.backbone),
                  "gpt2, llama or gpt_neox");
  }
  RETURN_IF_ERROR(CheckAtLeast("--layers", shape.layers, 1));
  RETURN_IF_ERROR(CheckAtLeast("--width", shape.width, 1));
  RETURN_IF_ERROR(CheckAtLeast("--heads", shape.heads, 1));
  RETURN_IF_ERROR(CheckAtLeast("--segment", shape.segment, 1));
  RETURN_IF_ERROR(CheckAtLeast("--memory", shape.memory, 0));
  RETURN_IF_ERROR(CheckAtLeast("--inner", shape.inner, 0));
  if (shape.width % shape.heads != 0) {
    return Refuse("--heads", shape.heads,
                  absl::StrCat("a divisor of --width ", shape.width));
  }
  return absl::OkStatus();
}

absl::Status ValidateLength(const LmOptions& options) {
  RETURN_IF_ERROR(CheckAtLeast("--tokens", options.tokens, 0));
  RETURN_IF_ERROR(CheckNotNegative("--seconds", options.seconds));
  if (options.tokens == 0 && options.seconds == 0) {
    return Refuse("--tokens and --seconds", 0, "one of them above 0");
  }
  return absl::OkStatus();
}

absl::Status ValidateOptimisation(const LmOptions& options) {
  RETURN_IF_ERROR(CheckAtLeast("--streams", options.streams, 1));
  RETURN_IF_ERROR(BpttSchedule::Parse(options.bptt).status());
  RETURN_IF_ERROR(CheckShare("--reset-probability", options.reset_probability));
  RETURN_IF_ERROR(CheckAbove0("--lr", options.learning_rate));
  RETURN_IF_ERROR(CheckShare("--warmup", options.warmup));
  RETURN_IF_ERROR(CheckShare("--final-lr", options.final_rate));
  RETURN_IF_ERROR(CheckBeta("--beta1", options.beta1));
  RETURN_IF_ERROR(CheckBeta("--beta2", options.beta2));
  RETURN_IF_ERROR(CheckAbove0("--epsilon", options.epsilon));
  RETURN_IF_ERROR(CheckNotNegative("--weight-decay", options.weight_decay));
  RETURN_IF_ERROR(CheckAbove0("--clip", options.clip));
  return CheckNotNegative("--embedding-std", options.embedding_std);
}

absl::Status ValidateReports(const LmOptions& options) {
  RETURN_IF_ERROR(CheckAtLeast("--log-every", options.log_every, 1));
  RETURN_IF_ERROR(CheckNotNegative("--eval-every", options.eval_every));
  RETURN_IF_ERROR(CheckAtLeast("--eval-bytes", options.eval_bytes, 0));
  RETURN_IF_ERROR(CheckAtLeast("--eval-streams", options.eval_streams, 1));
  RETURN_IF_ERROR(
      CheckNotNegative("--checkpoint-every", options.checkpoint_every));
  if (options.checkpoint_piece_bytes == 0) return absl::OkStatus();
  return CheckAtLeast("--checkpoint-piece-bytes",
                      options.checkpoint_piece_bytes, kLeastPieceBytes);
}

absl::Status ValidateMachine(const LmOptions& options) {
  if (options.weights_dtype != "float32" &&
      options.weights_dtype != "bfloat16") {
    return Refuse("--weights", Quoted(options.weights_dtype),
                  "float32 or bfloat16");
  }
  return PlacementOfFlags(options.device, options.precision, options.threads)
      .status();
}

}  // namespace

absl::Status Validate(const LmOptions& options) {
  RETURN_IF_ERROR(CheckText(options.data, options.data_sha256, options.splits));
  if (options.out.empty()) return Refuse("--out", "\"\"", "a folder");
  RETURN_IF_ERROR(ValidateShape(options.model));
  RETURN_IF_ERROR(ValidateLength(options));
  RETURN_IF_ERROR(ValidateOptimisation(options));
  RETURN_IF_ERROR(ValidateReports(options));
  return ValidateMachine(options);
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
