#include "model/sequence_model.h"

#include <limits>

#include "server/base/status_macros.h"

namespace mneme {
namespace {

// The length of an output's dimension of tokens, summed over the segments.
double Positions(const TensorSpec& output, const OutputRequest& request,
                 absl::Span<const NamedTokens> extra_inputs, double tokens,
                 double segments) {
  if (output.extra_input.empty()) {
    return request.last_position_only ? segments : tokens;
  }
  for (const NamedTokens& input : extra_inputs) {
    if (input.name != output.extra_input) continue;
    return segments * static_cast<double>(input.tokens.size());
  }
  return 0;
}

// In floating point: what a request asks for may be beyond any integer.
double BytesOf(const TensorSpec& output, double positions, double segments,
               double top_k) {
  double elements = segments;
  for (size_t i = 0; i < output.shape.size(); ++i) {
    if (output.shape[i] >= 0) {
      elements *= static_cast<double>(output.shape[i]);
    } else if (i == 0) {
      elements = positions;
    } else {
      elements *= top_k;
    }
  }
  return elements * static_cast<double>(SizeOf(output.dtype));
}

}  // namespace

int64_t ModelSpec::memory_bytes() const {
  int64_t bytes = 0;
  for (const TensorSpec& tensor : memory) {
    bytes += NumElements(tensor.shape) * SizeOf(tensor.dtype);
  }
  return bytes;
}

const TensorSpec* ModelSpec::FindOutput(absl::string_view output) const {
  for (const TensorSpec& spec : outputs) {
    if (spec.name == output) return &spec;
  }
  return nullptr;
}

const ExtraInput* ModelSpec::FindExtraInput(absl::string_view input) const {
  for (const ExtraInput& known : extra_inputs) {
    if (known.name == input) return &known;
  }
  return nullptr;
}

absl::StatusOr<std::vector<StepResult>> SequenceModel::Step(
    absl::Span<const StepRow> rows) {
  ASSIGN_OR_RETURN(const auto started, Start(rows));
  return started->Wait();
}

int64_t OutputBytes(const ModelSpec& model, const OutputRequest& request,
                    absl::Span<const NamedTokens> extra_inputs, int64_t tokens,
                    int64_t segments) {
  const auto count = static_cast<double>(segments);
  double bytes = 0;
  for (const std::string& name : request.names) {
    const TensorSpec* output = model.FindOutput(name);
    if (output == nullptr) continue;
    bytes += BytesOf(*output,
                     Positions(*output, request, extra_inputs,
                               static_cast<double>(tokens), count),
                     count, static_cast<double>(request.top_k));
  }
  constexpr auto kMost = std::numeric_limits<int64_t>::max() / 2;
  return bytes < static_cast<double>(kMost) ? static_cast<int64_t>(bytes)
                                            : kMost;
}

}  // namespace mneme
