#include "model/runtime/device_graph.h"

#ifdef MNEME_CUDA
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAStream.h>
#endif

namespace mneme {

#ifdef MNEME_CUDA

struct DeviceGraph::State {
  at::cuda::CUDAGraph graph;
};

bool DeviceGraph::Supports(at::Device device) { return device.is_cuda(); }

void DeviceGraph::Capture(const std::function<void()>& body,
                          const DeviceGraph* shares_with) {
  c10::cuda::getCurrentCUDAStream().synchronize();
  c10::cuda::CUDACachingAllocator::emptyCache();
  if (shares_with == nullptr) {
    state_->graph.capture_begin();
  } else {
    state_->graph.capture_begin(shares_with->state_->graph.pool());
  }
  body();
  state_->graph.capture_end();
}

void DeviceGraph::Replay() { state_->graph.replay(); }

#else

struct DeviceGraph::State {};

bool DeviceGraph::Supports(at::Device) { return false; }
void DeviceGraph::Capture(const std::function<void()>& body,
                          const DeviceGraph*) {
  body();
}
void DeviceGraph::Replay() {}

#endif

DeviceGraph::DeviceGraph() : state_(std::make_unique<State>()) {}
DeviceGraph::~DeviceGraph() = default;

}  // namespace mneme
