#include "model/train/flat_parameters.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "absl/strings/match.h"
#include "model/backbone/make_backbone.h"
#include "model/tensor.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

constexpr int64_t kAlignment = 64;
constexpr double kNormalStd = 0.02;

bool IsEmbedding(const std::string& name) {
  return absl::StrContains(name, "wte.") || absl::StrContains(name, "wpe.") ||
         absl::StrContains(name, "embed_tokens.") ||
         absl::StrContains(name, "embed_in.") || name == kMemoryParameter;
}

bool IsDecayed(const ParameterSpec& spec) {
  return spec.shape.size() > 1 && !IsEmbedding(spec.name);
}

int64_t CountLayers(const std::vector<ParameterSpec>& specs) {
  int64_t residual = 0;
  for (const ParameterSpec& spec : specs) {
    if (spec.init == ParameterSpec::Init::kResidual) ++residual;
  }
  return std::max<int64_t>(1, residual / 2);
}

void Fill(at::Tensor values, const ParameterSpec& spec, double embedding_std,
          int64_t layers, const at::Generator& generator) {
  switch (spec.init) {
    case ParameterSpec::Init::kNormal:
      values.normal_(0.0, IsEmbedding(spec.name) ? embedding_std : kNormalStd,
                     generator);
      return;
    case ParameterSpec::Init::kResidual:
      values.normal_(0.0,
                     kNormalStd / std::sqrt(2.0 * static_cast<double>(layers)),
                     generator);
      return;
    case ParameterSpec::Init::kZeros:
      values.fill_(0.0);
      return;
    case ParameterSpec::Init::kOnes:
      values.fill_(1.0);
      return;
  }
}

}  // namespace

absl::StatusOr<FlatParameters> FlatParameters::Create(const Options& options) {
  ASSIGN_OR_RETURN(std::vector<ParameterSpec> specs,
                   BackboneParameters(options.backbone));
  if (options.memory > 0) {
    const auto embedding =
        std::find_if(specs.begin(), specs.end(), [](const auto& spec) {
          return spec.shape.size() == 2 && IsEmbedding(spec.name);
        });
    if (embedding == specs.end()) {
      return absl::InternalError("the backbone names no token embedding");
    }
    specs.push_back({kMemoryParameter,
                     {options.memory, embedding->shape[1]},
                     ParameterSpec::Init::kNormal,
                     false});
  }
  FlatParameters parameters;
  parameters.Place(specs);
  parameters.Initialise(options);
  parameters.MakeLeaves(options);
  return parameters;
}

void FlatParameters::Place(const std::vector<ParameterSpec>& specs) {
  for (const bool decayed : {true, false}) {
    for (const ParameterSpec& spec : specs) {
      if (IsDecayed(spec) != decayed) continue;
      const int64_t numel = NumElements(spec.shape);
      slots_.push_back({spec, size_});
      count_ += numel;
      size_ += (numel + kAlignment - 1) / kAlignment * kAlignment;
    }
    if (decayed) decayed_ = size_;
  }
}

std::vector<at::Tensor> FlatParameters::ViewsOf(const at::Tensor& flat) const {
  std::vector<at::Tensor> views;
  views.reserve(slots_.size());
  for (const Slot& slot : slots_) {
    views.push_back(flat.narrow(0, slot.offset, NumElements(slot.spec.shape))
                        .view(slot.spec.shape));
  }
  return views;
}

WeightMap FlatParameters::MasterByName() const {
  const std::vector<at::Tensor> views = ViewsOf(master_);
  WeightMap named;
  for (size_t i = 0; i < views.size(); ++i) {
    named[slots_[i].spec.name] = views[i];
  }
  return named;
}

void FlatParameters::Initialise(const Options& options) {
  at::Tensor values = at::zeros({size_}, at::kFloat);
  const at::Generator generator = at::detail::createCPUGenerator(options.seed);
  std::vector<ParameterSpec> specs;
  for (const Slot& slot : slots_) specs.push_back(slot.spec);
  const int64_t layers = CountLayers(specs);
  const std::vector<at::Tensor> views = ViewsOf(values);
  for (size_t i = 0; i < views.size(); ++i) {
    Fill(views[i], specs[i], options.embedding_std, layers, generator);
  }
  master_ = values.to(options.device);
}

void FlatParameters::MakeLeaves(const Options& options) {
  compute_ =
      options.compute == at::kFloat ? master_ : master_.to(options.compute);
  leaves_ = ViewsOf(compute_);
  for (size_t i = 0; i < leaves_.size(); ++i) {
    leaves_[i] = leaves_[i].detach().requires_grad_(true);
    if (slots_[i].spec.name == kMemoryParameter) {
      memory_ = leaves_[i];
    } else {
      weights_[slots_[i].spec.name] = leaves_[i];
    }
  }
}

void FlatParameters::Publish() {
  if (compute_.is_same(master_)) return;
  at::NoGradGuard no_grad;
  compute_.copy_(master_);
}

}  // namespace mneme
