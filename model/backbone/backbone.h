#ifndef MNEME_MODEL_BACKBONE_BACKBONE_H_
#define MNEME_MODEL_BACKBONE_BACKBONE_H_

// Private to model/: this header includes torch.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace mneme {

// How the rows of a batch lie behind each other in a packed [N, d] tensor.
// Row r is lengths[r] consecutive positions; every row's positions count from
// 0, so they depend on its own length only. Rows of equal length that follow
// each other are one run and are attended to in one call.
struct PackedLayout {
  struct Run {
    int64_t start = 0;   // its first position in the packed tensor
    int64_t rows = 0;    // how many rows
    int64_t length = 0;  // positions of each
  };

  std::vector<int64_t> lengths;
  std::vector<Run> runs;
  at::Tensor positions;  // I64 [N], on the device
  // Hidden states are wanted of the last `read` positions of each row only, so
  // the last layer computes nothing else; 0: of all positions.
  int64_t read = 0;
  // I64 [rows * read], on the device: where those lie; undefined when read = 0.
  at::Tensor read_rows;

  // `read` is at most the shortest length. Copies to `device`, so make it
  // outside a CUDA graph.
  static PackedLayout Of(std::vector<int64_t> lengths, at::Device device,
                         int64_t read = 0);

  // All rows have one length: [N, d] may be viewed as [rows, length, d].
  bool uniform() const { return runs.size() == 1; }

  // [N, ..] -> [rows * read, ..]. REQUIRES: read > 0.
  at::Tensor TakeRead(const at::Tensor& packed) const;
};

// A decoder-only transformer: embeddings in, hidden states after the final norm
// out, causal attention within each row. Plain tensor functions over weights
// that it holds, so that the same code serves (inference mode) and trains
// (autograd records it; the weights may be leaves that require gradients). The
// weights' dtype is the dtype of the computation. Forward may be captured in a
// CUDA graph: it neither waits for the device nor copies to it.
// Not thread-safe; used by the thread that runs the model.
class Backbone {
 public:
  virtual ~Backbone() = default;

  virtual int64_t width() const = 0;
  virtual int64_t vocab_size() const = 0;
  // The most positions a row may have; 0 when there is no limit.
  virtual int64_t max_positions() const = 0;

  // Says that the weights change no more, and that no gradients are wanted:
  // from now on the backbone may compute from copies that suit its device.
  virtual void Freeze() = 0;

  // I64 [N] -> [N, d]. No positions yet.
  virtual at::Tensor Embed(const at::Tensor& ids) const = 0;
  // [N, d] packed by `layout` -> [N, d], after the final norm; [rows * read, d]
  // where the layout reads less.
  virtual at::Tensor Forward(const at::Tensor& embeddings,
                             const PackedLayout& layout) const = 0;
  // [.., d] -> [.., vocab].
  virtual at::Tensor Head(const at::Tensor& hidden) const = 0;
};

}  // namespace mneme

#endif  // MNEME_MODEL_BACKBONE_BACKBONE_H_
