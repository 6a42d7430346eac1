#include "model/backbone/parameter_spec.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace mneme {
namespace {

std::string ShapeText(at::IntArrayRef shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

absl::Status CheckShape(const ParameterSpec& spec, const at::Tensor& weight) {
  if (weight.sizes() == at::IntArrayRef(spec.shape)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "tensor \"", spec.name, "\" has shape ", ShapeText(weight.sizes()),
      "; expected ", ShapeText(spec.shape)));
}

}  // namespace

absl::Status CheckWeights(const std::vector<ParameterSpec>& specs,
                          const WeightMap& weights) {
  std::set<std::string> known;
  const at::Tensor* first = nullptr;
  for (const ParameterSpec& spec : specs) {
    known.insert(spec.name);
    const auto it = weights.find(spec.name);
    if (it == weights.end()) {
      if (spec.optional) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("tensor \"", spec.name, "\" is missing; expected shape ",
                       ShapeText(spec.shape)));
    }
    if (auto status = CheckShape(spec, it->second); !status.ok()) return status;
    if (first == nullptr) first = &it->second;
    if (!it->second.is_floating_point() ||
        it->second.scalar_type() != first->scalar_type() ||
        it->second.device() != first->device()) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor \"", spec.name, "\" is ", it->second.toString(),
                       "; expected ", first->toString(), ", as the others"));
    }
  }
  for (const auto& [name, weight] : weights) {
    if (known.count(name) == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor \"", name, "\" ", ShapeText(weight.sizes()),
                       " is not one of this model's"));
    }
  }
  return absl::OkStatus();
}

}  // namespace mneme
