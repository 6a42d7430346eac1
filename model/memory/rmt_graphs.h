#ifndef MNEME_MODEL_MEMORY_RMT_GRAPHS_H_
#define MNEME_MODEL_MEMORY_RMT_GRAPHS_H_

// Private to model/: this header includes torch.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "model/backbone/backbone.h"
#include "model/memory/rmt_cell.h"
#include "model/runtime/device_graph.h"

namespace mneme {

// The step of full segments as CUDA graphs, one for each bucket of rows: one
// launch instead of hundreds. A batch is padded to its bucket with whole rows,
// whose results nobody reads. Batches beyond the largest bucket keep the device
// busy without a graph. Used by the thread that runs the model, in its streams'
// scope; nothing where the device has no graphs.
class RmtGraphs {
 public:
  // Captures all of them, for batches that read each row's last `few` tokens
  // and for those that read all.
  RmtGraphs(const Backbone* backbone, int64_t segment_size, int64_t num_memory,
            int64_t few, at::ScalarType compute, at::Device device);

  // Whether Run() takes a batch of so many full segments.
  bool Has(int64_t rows, int64_t read) const;

  // RmtStep() of `rows` full segments. The results are views that hold until
  // the next Run(), in the order of the stream.
  RmtOutput Run(const at::Tensor& ids, const at::Tensor& memory, int64_t rows,
                int64_t read);

  // Rows that were run, and rows with those that padded them.
  int64_t rows_run() const { return rows_run_; }
  int64_t rows_padded() const { return rows_padded_; }

 private:
  struct Graph {
    at::Tensor ids, memory;  // what it reads
    RmtLayout layout;
    RmtOutput out;
    DeviceGraph graph;
  };

  std::unique_ptr<Graph> Capture(int64_t rows, int64_t read);

  const Backbone* const backbone_;
  const int64_t segment_size_, num_memory_;
  const at::ScalarType compute_;
  const at::Device device_;
  // By (read, rows).
  std::map<std::pair<int64_t, int64_t>, std::unique_ptr<Graph>> graphs_;
  int64_t rows_run_ = 0, rows_padded_ = 0;
};

}  // namespace mneme

#endif  // MNEME_MODEL_MEMORY_RMT_GRAPHS_H_
