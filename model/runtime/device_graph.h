#ifndef MNEME_MODEL_RUNTIME_DEVICE_GRAPH_H_
#define MNEME_MODEL_RUNTIME_DEVICE_GRAPH_H_

// Private to model/: this header includes torch.

#include <c10/core/Device.h>

#include <functional>
#include <memory>

namespace mneme {

// Device work that is recorded once and then replayed with one launch: a CUDA
// graph. Builds without CUDA, and the CPU, have none: Supports() is false.
// Used by one thread, inside a DeviceStreams::Scope.
class DeviceGraph {
 public:
  static bool Supports(at::Device device);

  DeviceGraph();
  ~DeviceGraph();
  DeviceGraph(const DeviceGraph&) = delete;
  DeviceGraph& operator=(const DeviceGraph&) = delete;

  // Records `body`, which runs nothing now. What it reads and writes must stay
  // where it is while the graph lives. REQUIRES: body ran before, for real, on
  // this stream, so that libraries have set themselves up, and no other thread
  // uses CUDA meanwhile. The allocator's cache is emptied. `shares_with`: a
  // graph whose memory this one uses too; null: memory of its own. Graphs that
  // share are replayed one after another on one stream, and what one leaves is
  // gone when another is replayed.
  void Capture(const std::function<void()>& body,
               const DeviceGraph* shares_with = nullptr);
  void Replay();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mneme

#endif  // MNEME_MODEL_RUNTIME_DEVICE_GRAPH_H_
