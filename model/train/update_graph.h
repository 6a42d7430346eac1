#ifndef MNEME_MODEL_TRAIN_UPDATE_GRAPH_H_
#define MNEME_MODEL_TRAIN_UPDATE_GRAPH_H_

// Private to model/: this header includes torch.

#include <c10/core/Device.h>

#include <functional>
#include <memory>

namespace mneme {

// Device work that is recorded once and then replayed with one launch: a CUDA
// graph. Builds without CUDA, and the CPU, have none: Supports() is false.
// Used by one thread, inside a SideStream.
class UpdateGraph {
 public:
  static bool Supports(at::Device device);

  UpdateGraph();
  ~UpdateGraph();
  UpdateGraph(const UpdateGraph&) = delete;
  UpdateGraph& operator=(const UpdateGraph&) = delete;

  // Records `body`, which runs nothing now. What it reads and writes must stay
  // where it is while the graph lives. REQUIRES: body ran before, for real, on
  // this stream, so that libraries have set themselves up.
  void Capture(const std::function<void()>& body);
  void Replay();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Makes all device work of its scope go to a stream of its own, as capturing
// needs. Does nothing on the CPU.
class SideStream {
 public:
  explicit SideStream(at::Device device);
  ~SideStream();
  SideStream(const SideStream&) = delete;
  SideStream& operator=(const SideStream&) = delete;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mneme

#endif  // MNEME_MODEL_TRAIN_UPDATE_GRAPH_H_
