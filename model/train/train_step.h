#ifndef MNEME_MODEL_TRAIN_TRAIN_STEP_H_
#define MNEME_MODEL_TRAIN_TRAIN_STEP_H_

// Private to model/: this header includes torch.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "model/backbone/backbone.h"
#include "model/memory/rmt_cell.h"
#include "model/runtime/device_graph.h"
#include "model/train/adamw.h"
#include "model/train/flat_parameters.h"
#include "model/train/stream_sampler.h"

namespace mneme {

// One update after the other: read k segments of every stream, run them, take
// the gradient through all k, clip, AdamW, carry the memory on, detached. It
// owns the optimiser's state and the streams' memories; all of it lies on the
// device, and nothing waits for it until Read(). On CUDA a whole update is one
// CUDA graph, made anew when k changes.
//
// An update whose loss or gradient is not finite changes no parameter, is
// counted, and leaves a finite memory. Used by one thread, inside a
// DeviceStreams::Scope.
class TrainStep {
 public:
  struct Options {
    int64_t streams = 1;
    int64_t segment = 1;
    bool graphs = false;
    AdamW::Options adamw;
  };
  // Sums and last values; reading them waits for the device.
  struct Progress {
    double loss = 0;  // nats a byte, mean over the updates since the last Read
    double gradient_norm = 0;  // of the last update
    int64_t skipped = 0;       // updates left out, since the start
  };

  // Keeps `backbone` and `parameters`, which must outlive it. `text` is U8 [N]
  // on the parameters' device.
  TrainStep(const Options& options, const Backbone* backbone,
            FlatParameters* parameters, const at::Tensor& text);

  // One update over `segments` segments from where `window` says.
  void Run(const StreamWindow& window, int64_t segments, double rate);
  Progress Read();

  AdamW& optimiser() { return adamw_; }
  // The streams' memories, [S, m, d]; undefined when there is no memory.
  const at::Tensor& carried() const { return carried_; }

 private:
  void Update(int64_t segments);
  void CopyIn(const StreamWindow& window, double rate);

  const Options options_;
  const Backbone* const backbone_;
  FlatParameters* const parameters_;
  const at::Tensor text_;
  const RmtLayout layout_;
  AdamW adamw_;

  // What the graph reads and writes: allocated once.
  at::Tensor offsets_, reset_, rate_, carried_, gradient_, loss_sum_;
  std::vector<at::Tensor> gradient_views_;

  int64_t updates_since_read_ = 0;
  int64_t graph_segments_ = 0;  // k of graph_ and of the warm-up
  int64_t warm_ups_ = 0;
  std::unique_ptr<DeviceGraph> graph_;
};

}  // namespace mneme

#endif  // MNEME_MODEL_TRAIN_TRAIN_STEP_H_
