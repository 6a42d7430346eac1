#include "server/session/request_check.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/base/quoted.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

absl::Status CheckTokens(absl::string_view field, const ModelSpec& model,
                         const std::vector<int32_t>& tokens) {
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] >= 0 && tokens[i] < model.vocab_size) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        field, "[", i, "]: ", tokens[i], " is not a token of model '",
        model.name, "', expected 0 to ", model.vocab_size - 1));
  }
  return absl::OkStatus();
}

absl::Status CheckCount(absl::string_view field, size_t count, int64_t limit) {
  if (static_cast<int64_t>(count) <= limit) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": ", count, " tokens, expected at most ", limit));
}

absl::Status CheckOutputs(const ModelSpec& model, const SessionLimits& limits,
                          const OutputRequest& outputs) {
  bool top_k = false;
  for (size_t i = 0; i < outputs.names.size(); ++i) {
    const std::string& name = outputs.names[i];
    if (model.FindOutput(name) == nullptr) {
      const auto names = [](std::string* out, const TensorSpec& spec) {
        out->append(spec.name);
      };
      return absl::InvalidArgumentError(
          absl::StrCat("outputs.names[", i, "]: model '", model.name,
                       "' has no output ", Quoted(name), ", expected one of ",
                       absl::StrJoin(model.outputs, ", ", names)));
    }
    const auto end = outputs.names.begin() + static_cast<ptrdiff_t>(i);
    if (std::find(outputs.names.begin(), end, name) != end) {
      return absl::InvalidArgumentError(absl::StrCat(
          "outputs.names[", i, "]: ", Quoted(name), " stands there twice"));
    }
    top_k = top_k || name == "top_k" || name == "top_k_log_probs";
  }
  const int64_t most = std::min(limits.top_k, model.vocab_size);
  if (top_k && (outputs.top_k < 1 || outputs.top_k > most)) {
    return absl::InvalidArgumentError(
        absl::StrCat("outputs.top_k: ", outputs.top_k, ", expected 1 to ", most,
                     " for the output top_k"));
  }
  return absl::OkStatus();
}

absl::Status CheckExtraInputs(const ModelSpec& model,
                              const std::vector<NamedTokens>& inputs) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto field = absl::StrCat("extra_inputs[", i, "]");
    const ExtraInput* known = model.FindExtraInput(inputs[i].name);
    if (known == nullptr) {
      const auto names = [](std::string* out, const ExtraInput& input) {
        out->append(input.name);
      };
      return absl::InvalidArgumentError(absl::StrCat(
          field, ".name: model '", model.name, "' has no extra input ",
          Quoted(inputs[i].name), ", expected ",
          model.extra_inputs.empty()
              ? "none"
              : absl::StrJoin(model.extra_inputs, ", ", names)));
    }
    for (size_t j = 0; j < i; ++j) {
      if (inputs[j].name == inputs[i].name) {
        return absl::InvalidArgumentError(absl::StrCat(
            field, ".name: ", Quoted(inputs[i].name), " stands there twice"));
      }
    }
    RETURN_IF_ERROR(CheckCount(absl::StrCat(field, ".ids"),
                               inputs[i].tokens.size(), known->max_tokens));
    RETURN_IF_ERROR(
        CheckTokens(absl::StrCat(field, ".ids"), model, inputs[i].tokens));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckRequest(const ModelSpec& model, const SessionLimits& limits,
                          const SegmentRequest& request) {
  const absl::string_view field = request.from_text ? "text" : "tokens.ids";
  RETURN_IF_ERROR(
      CheckCount(field, request.tokens.size(), limits.tokens_per_request));
  RETURN_IF_ERROR(CheckTokens(field, model, request.tokens));
  RETURN_IF_ERROR(CheckOutputs(model, limits, request.outputs));
  return CheckExtraInputs(model, request.extra_inputs);
}

}  // namespace mneme
