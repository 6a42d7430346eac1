#include "model/runtime/download.h"

#ifdef MNEME_CUDA
#include <ATen/ops/empty_like.h>
#include <c10/core/Event.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>

#include "model/runtime/cuda_streams.h"
#endif

#include "model/runtime/device_streams.h"

namespace mneme {

#ifdef MNEME_CUDA

struct Download::Event {
  c10::Event event{c10::DeviceType::CUDA};
};

namespace {

at::Tensor CopyToPinned(const at::Tensor& dense,
                        const c10::cuda::CUDAStream& stream) {
  at::Tensor host = at::empty_like(
      dense, dense.options().device(at::kCPU).pinned_memory(true));
  c10::cuda::CUDACachingAllocator::recordStream(dense.storage().data_ptr(),
                                                stream);
  const c10::cuda::CUDAStreamGuard guard(stream);
  host.copy_(dense, /*non_blocking=*/true);
  return host;
}

}  // namespace

void Download::Start(const DeviceStreams& streams) {
  // What contiguous() still has to do belongs to the stream of the steps.
  for (at::Tensor& tensor : tensors_) tensor = tensor.contiguous();
  if (streams.cuda() == nullptr) return;
  const c10::cuda::CUDAStream& copies = streams.cuda()->copies;
  c10::Event computed(c10::DeviceType::CUDA);
  computed.record(streams.cuda()->compute);
  computed.block(copies);
  for (at::Tensor& tensor : tensors_) tensor = CopyToPinned(tensor, copies);
  copied_ = std::make_unique<Event>();
  copied_->event.record(copies);
}

void Download::Wait() {
  if (copied_ != nullptr) copied_->event.synchronize();
}

#else

struct Download::Event {};

void Download::Start(const DeviceStreams&) {
  for (at::Tensor& tensor : tensors_) tensor = tensor.contiguous();
}
void Download::Wait() {}

#endif

Download::Download() = default;
Download::~Download() = default;
Download::Download(Download&&) noexcept = default;
Download& Download::operator=(Download&&) noexcept = default;

size_t Download::Add(const at::Tensor& tensor) {
  tensors_.push_back(tensor);
  return tensors_.size() - 1;
}

}  // namespace mneme
