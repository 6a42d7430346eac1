#include "model/train/update_graph.h"

#ifdef MNEME_CUDA
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#endif

namespace mneme {

#ifdef MNEME_CUDA

struct UpdateGraph::State {
  at::cuda::CUDAGraph graph;
};

struct SideStream::State {
  explicit State(at::Device device)
      : guard(c10::cuda::getStreamFromPool(/*isHighPriority=*/false,
                                           device.index())) {}
  c10::cuda::CUDAStreamGuard guard;
};

bool UpdateGraph::Supports(at::Device device) { return device.is_cuda(); }

void UpdateGraph::Capture(const std::function<void()>& body) {
  c10::cuda::getCurrentCUDAStream().synchronize();
  c10::cuda::CUDACachingAllocator::emptyCache();
  state_->graph.capture_begin();
  body();
  state_->graph.capture_end();
}

void UpdateGraph::Replay() { state_->graph.replay(); }

SideStream::SideStream(at::Device device) {
  if (device.is_cuda()) state_ = std::make_unique<State>(device);
}

#else

struct UpdateGraph::State {};
struct SideStream::State {};

bool UpdateGraph::Supports(at::Device) { return false; }
void UpdateGraph::Capture(const std::function<void()>& body) { body(); }
void UpdateGraph::Replay() {}
SideStream::SideStream(at::Device) {}

#endif

UpdateGraph::UpdateGraph() : state_(std::make_unique<State>()) {}
UpdateGraph::~UpdateGraph() = default;
SideStream::~SideStream() = default;

}  // namespace mneme
