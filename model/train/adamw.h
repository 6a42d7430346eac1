#ifndef MNEME_MODEL_TRAIN_ADAMW_H_
#define MNEME_MODEL_TRAIN_ADAMW_H_

// Private to model/: this header includes torch.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace mneme {

// AdamW (Loshchilov & Hutter 2019) with clipping by the global norm, over flat
// float32 buffers, all on the device: Update() neither waits for the device nor
// copies to it, so a CUDA graph can capture it. An update whose gradient is not
// finite changes nothing and is counted. Used by one thread.
class AdamW {
 public:
  struct Options {
    double beta1 = 0.9;
    double beta2 = 0.95;
    double epsilon = 1e-8;
    double weight_decay = 0.1;
    double clip = 1.0;
  };

  // The first `decayed` elements of `master` are subject to weight decay.
  AdamW(const Options& options, const at::Tensor& master, int64_t decayed);

  // Changes the master in place. `gradient` is laid out like it and is
  // overwritten; `rate` is a float32 scalar on the device.
  void Update(const at::Tensor& gradient, const at::Tensor& rate);

  // All state beside the master: for checkpoints. Assign with copy_.
  const at::Tensor& first_moment() const { return first_; }
  const at::Tensor& second_moment() const { return second_; }
  const at::Tensor& steps() const { return steps_; }  // float32 [1]
  // Of the last gradient, before clipping; float32 scalar on the device.
  const at::Tensor& gradient_norm() const { return norm_; }
  // Updates left out since the start; float32 [1] on the device.
  const at::Tensor& skipped() const { return skipped_; }

 private:
  const Options options_;
  const int64_t decayed_;
  at::Tensor master_, first_, second_, steps_, norm_, skipped_;
};

}  // namespace mneme

#endif  // MNEME_MODEL_TRAIN_ADAMW_H_
