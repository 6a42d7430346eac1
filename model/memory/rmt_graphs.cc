#include "model/memory/rmt_graphs.h"

#include <ATen/ops/zeros.h>

#include <iterator>

namespace mneme {
namespace {

// Of 8 rows or more, none is padded by more than a fifth.
constexpr int64_t kBuckets[] = {1,  2,  3,  4,  6,  8,  10, 12, 14, 16,
                                20, 24, 28, 32, 36, 40, 44, 48, 56, 64};

// A step of more positions keeps the device busy for so long that the next
// one's launches are hidden behind it.
constexpr int64_t kMostPositions = 40'000;

}  // namespace

RmtGraphs::RmtGraphs(const Backbone* backbone, int64_t segment_size,
                     int64_t num_memory, int64_t few, at::ScalarType compute,
                     at::Device device)
    : backbone_(backbone),
      segment_size_(segment_size),
      num_memory_(num_memory),
      compute_(compute),
      device_(device) {
  if (!DeviceGraph::Supports(device)) return;
  // The largest first: what the others compute on the way fits in its memory.
  for (auto rows = std::rbegin(kBuckets); rows != std::rend(kBuckets); ++rows) {
    if (*rows * (segment_size + 2 * num_memory) > kMostPositions) continue;
    for (const int64_t read : {int64_t{0}, few}) {
      if (read >= segment_size) continue;
      graphs_[{read, *rows}] = Capture(*rows, read);
    }
  }
}

std::unique_ptr<RmtGraphs::Graph> RmtGraphs::Capture(int64_t rows,
                                                     int64_t read) {
  auto graph = std::make_unique<Graph>();
  graph->ids = at::zeros({rows * segment_size_},
                         at::TensorOptions().dtype(at::kLong).device(device_));
  if (num_memory_ > 0) {
    graph->memory =
        at::zeros({rows, num_memory_, backbone_->width()},
                  at::TensorOptions().dtype(compute_).device(device_));
  }
  graph->layout = RmtLayout::Of(
      std::vector<int64_t>(static_cast<size_t>(rows), segment_size_),
      num_memory_, device_, read);
  const auto step = [&] {
    graph->out = RmtStep(*backbone_, graph->ids, graph->layout, graph->memory);
  };
  step();
  graph->graph.Capture(
      step, graphs_.empty() ? nullptr : &graphs_.begin()->second->graph);
  return graph;
}

bool RmtGraphs::Has(int64_t rows, int64_t read) const {
  const auto found = graphs_.lower_bound({read, rows});
  return found != graphs_.end() && found->first.first == read;
}

RmtOutput RmtGraphs::Run(const at::Tensor& ids, const at::Tensor& memory,
                         int64_t rows, int64_t read) {
  const auto& [key, graph] = *graphs_.lower_bound({read, rows});
  graph->ids.narrow(0, 0, ids.size(0)).copy_(ids);
  if (num_memory_ > 0) graph->memory.narrow(0, 0, rows).copy_(memory);
  graph->graph.Replay();
  rows_run_ += rows;
  rows_padded_ += key.second;
  const int64_t hidden = (read > 0 ? read : segment_size_) * rows;
  return {
      graph->out.hidden.narrow(0, 0, hidden),
      num_memory_ > 0 ? graph->out.memory.narrow(0, 0, rows) : at::Tensor()};
}

}  // namespace mneme
