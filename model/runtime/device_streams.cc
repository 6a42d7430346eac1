#include "model/runtime/device_streams.h"

#ifdef MNEME_CUDA
#include <c10/cuda/CUDAGuard.h>

#include "model/runtime/cuda_streams.h"
#endif

namespace mneme {

#ifdef MNEME_CUDA

struct DeviceStreams::Scope::Guard {
  explicit Guard(const c10::cuda::CUDAStream& stream) : guard(stream) {}
  c10::cuda::CUDAStreamGuard guard;
};

DeviceStreams::DeviceStreams(c10::Device device) {
  if (!device.is_cuda()) return;
  const auto stream = [&device](bool high_priority) {
    return c10::cuda::getStreamFromPool(high_priority, device.index());
  };
  cuda_ =
      std::make_unique<CudaStreams>(CudaStreams{stream(false), stream(true)});
}

DeviceStreams::Scope::Scope(const DeviceStreams& streams) {
  if (streams.cuda() == nullptr) return;
  guard_ = std::make_unique<Guard>(streams.cuda()->compute);
}

#else

struct CudaStreams {};
struct DeviceStreams::Scope::Guard {};

DeviceStreams::DeviceStreams(c10::Device) {}
DeviceStreams::Scope::Scope(const DeviceStreams&) {}

#endif

DeviceStreams::~DeviceStreams() = default;
DeviceStreams::Scope::~Scope() = default;

}  // namespace mneme
