#include "model/memory/row_checks.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

absl::Status CheckTokens(const ModelSpec& spec, size_t row,
                         absl::string_view field,
                         absl::Span<const int32_t> tokens) {
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] < 0 || tokens[i] >= spec.vocab_size) {
      return RowError(row,
                      absl::StrCat(field, "[", i, "] is ", tokens[i],
                                   "; expected 0 to ", spec.vocab_size - 1));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckRequest(const ModelSpec& spec, size_t row,
                          const OutputRequest& request) {
  for (const std::string& name : request.names) {
    if (spec.FindOutput(name) == nullptr) {
      return RowError(row, absl::StrCat("model ", spec.name,
                                        " has no output \"", name, "\""));
    }
    if (absl::StartsWith(name, "top_k") &&
        (request.top_k < 1 || request.top_k > spec.vocab_size)) {
      return RowError(row, absl::StrCat("top_k is ", request.top_k,
                                        "; expected 1 to ", spec.vocab_size));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckExtraInput(const ModelSpec& spec, size_t row,
                             const NamedTokens& input) {
  const ExtraInput* known = spec.FindExtraInput(input.name);
  if (known == nullptr) {
    return RowError(row, absl::StrCat("model ", spec.name, " has no input \"",
                                      input.name, "\""));
  }
  const auto size = static_cast<int64_t>(input.tokens.size());
  if (size > known->max_tokens) {
    return RowError(
        row, absl::StrCat(input.name, ": ", size, " tokens; expected at most ",
                          known->max_tokens));
  }
  return CheckTokens(spec, row, input.name, input.tokens);
}

absl::Status CheckRow(const ModelSpec& spec, size_t index, const StepRow& row) {
  const auto length = static_cast<int64_t>(row.tokens.size());
  if (length < 1 || length > spec.segment_size) {
    return RowError(index, absl::StrCat(length, " tokens; expected 1 to ",
                                        spec.segment_size));
  }
  RETURN_IF_ERROR(CheckTokens(spec, index, "tokens", row.tokens));
  if (row.memory == nullptr) return RowError(index, "no memory");
  for (const NamedTokens& input : row.extra_inputs) {
    RETURN_IF_ERROR(CheckExtraInput(spec, index, input));
  }
  return row.request == nullptr ? absl::OkStatus()
                                : CheckRequest(spec, index, *row.request);
}

}  // namespace

absl::Status RowError(size_t row, absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("row ", row, ": ", problem));
}

absl::Status CheckRows(const ModelSpec& spec, absl::Span<const StepRow> rows) {
  for (size_t i = 0; i < rows.size(); ++i) {
    RETURN_IF_ERROR(CheckRow(spec, i, rows[i]));
  }
  return absl::OkStatus();
}

}  // namespace mneme
