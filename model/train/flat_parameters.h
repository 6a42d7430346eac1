#ifndef MNEME_MODEL_TRAIN_FLAT_PARAMETERS_H_
#define MNEME_MODEL_TRAIN_FLAT_PARAMETERS_H_

// Private to model/: this header includes torch.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/backbone/parameter_spec.h"
#include "nlohmann/json.hpp"

namespace mneme {

// The name under which the initial memory stands among the parameters.
inline constexpr char kMemoryParameter[] = "memory";

// A model's parameters, in training: one flat float32 buffer of masters, and
// views of a flat buffer in the compute dtype (the same buffer when that is
// float32) as the leaves that autograd differentiates. One buffer makes the
// update a few kernels, and a checkpoint one tensor.
//
// Matrices, which weight decay pulls, come first; embeddings, norms, biases and
// the memory follow. Every parameter starts at a multiple of 64 elements; the
// gaps are zero and stay so. Used by one thread.
class FlatParameters {
 public:
  struct Options {
    nlohmann::json backbone;  // a Hugging Face config
    int64_t memory = 0;       // rows of the initial memory
    double embedding_std = 0.02;
    uint64_t seed = 0;
    at::Device device = at::kCPU;
    at::ScalarType compute = at::kFloat;
  };

  // Random initial values; the same for the same seed on every device.
  static absl::StatusOr<FlatParameters> Create(const Options& options);

  // Leaves in the compute dtype, by the reference's names; without the memory.
  const WeightMap& weights() const { return weights_; }
  // The initial memory [m, d], a leaf; undefined when there is none.
  const at::Tensor& memory() const { return memory_; }
  // All leaves, in the order of the flat buffer.
  const std::vector<at::Tensor>& leaves() const { return leaves_; }

  // [size] float32. The first decayed() elements are subject to weight decay.
  const at::Tensor& master() const { return master_; }
  int64_t decayed() const { return decayed_; }
  // Number of parameters, gaps not counted.
  int64_t count() const { return count_; }

  // The masters by name, the memory under kMemoryParameter.
  WeightMap MasterByName() const;

  // Views of `flat` (float32, laid out like master()), one a leaf.
  std::vector<at::Tensor> ViewsOf(const at::Tensor& flat) const;

  // Rounds the masters into the leaves. Call after each change of master().
  void Publish();

 private:
  struct Slot {
    ParameterSpec spec;
    int64_t offset = 0;
  };

  FlatParameters() = default;
  void Place(const std::vector<ParameterSpec>& specs);
  void Initialise(const Options& options);
  void MakeLeaves(const Options& options);

  std::vector<Slot> slots_;
  int64_t size_ = 0;
  int64_t decayed_ = 0;
  int64_t count_ = 0;
  at::Tensor master_;
  at::Tensor compute_;
  std::vector<at::Tensor> leaves_;
  WeightMap weights_;
  at::Tensor memory_;
};

}  // namespace mneme

#endif  // MNEME_MODEL_TRAIN_FLAT_PARAMETERS_H_
