#ifndef MNEME_MODEL_BACKBONE_PARAMETER_SPEC_H_
#define MNEME_MODEL_BACKBONE_PARAMETER_SPEC_H_

// Private to model/: this header includes torch.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace mneme {

// One weight of a backbone, in the reference's own spelling and layout (GPT-2's
// Conv1D weights are [in, out]), without the prefix "memory_cell.model.". The
// single source of truth for the loader's checks and for the trainer's
// initialisation. A plain value.
struct ParameterSpec {
  // kNormal: N(0, 0.02^2). kResidual: a projection onto the residual stream,
  // N(0, 0.02^2 / (2 * layers)).
  enum class Init { kNormal, kResidual, kZeros, kOnes };

  std::string name;
  std::vector<int64_t> shape;
  Init init = Init::kNormal;
  // May be absent: the head of a model whose head is tied to its embedding.
  bool optional = false;
};

using WeightMap = std::map<std::string, at::Tensor>;

// OK when `weights` holds exactly what `specs` ask for, all of one floating
// dtype and on one device; else INVALID_ARGUMENT that names the weight and what
// was expected.
absl::Status CheckWeights(const std::vector<ParameterSpec>& specs,
                          const WeightMap& weights);

}  // namespace mneme

#endif  // MNEME_MODEL_BACKBONE_PARAMETER_SPEC_H_
