#ifndef MNEME_MODEL_RUNTIME_DOWNLOAD_H_
#define MNEME_MODEL_RUNTIME_DOWNLOAD_H_

// Private to model/: this header includes torch.

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "model/tensor.h"

namespace mneme {

class DeviceStreams;

// Tensors of one step on their way to host memory. On CUDA they go through
// pinned memory and on a stream of their own, beside the steps that follow.
// Add() and Start() belong to the thread that runs the model; then Wait() and
// the reading of host tensors to any one thread.
class Download {
 public:
  Download();
  ~Download();
  Download(Download&&) noexcept;
  Download& operator=(Download&&) noexcept;

  // Takes a tensor that nothing writes from now on; the number to ask for.
  size_t Add(const at::Tensor& tensor);
  // Starts the copies, once the device has done what it was given before.
  void Start(const DeviceStreams& streams);

  // Returns when the copies are done. Throws what LibTorch throws.
  void Wait();
  // In host memory, dense. REQUIRES: Wait() returned.
  const at::Tensor& host(size_t index) const { return tensors_[index]; }

 private:
  struct Event;

  std::vector<at::Tensor> tensors_;
  std::unique_ptr<Event> copied_;
};

}  // namespace mneme

#endif  // MNEME_MODEL_RUNTIME_DOWNLOAD_H_
