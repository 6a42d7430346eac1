#ifndef MNEME_MODEL_RUNTIME_MEMORY_SLAB_H_
#define MNEME_MODEL_RUNTIME_MEMORY_SLAB_H_

// Private to model/: this header includes torch.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "model/sequence_model.h"
#include "server/base/mutex.h"

namespace mneme {

// Memory values of one model on one device: a tensor [slots, width] whose rows
// are each one whole value, so that a batch is gathered and scattered by one
// operation each. A slot is written once, when its value is made, and then only
// read until the last reference to the value is gone; so values are immutable.
//
// Threads: values may be dropped and shared on any thread. Everything else is
// for the one thread that runs the model. On CUDA a freed slot may be written
// again at once, because reads and writes are ordered by that thread's stream.
class MemorySlab {
 public:
  MemorySlab(int64_t width, const at::TensorOptions& options);

  // Writes each row of `rows` [n, width] (any floating dtype) as a new value.
  std::vector<MemoryRef> Store(const at::Tensor& rows);

  // The slot of a value of this slab, or -1 when `value` is not one.
  int64_t SlotOf(const Memory* value) const;

  // Rows of the slab, [n, width], in the slab's dtype.
  at::Tensor Gather(const std::vector<int64_t>& slots) const;
  // The same of the columns [begin, begin + size) only.
  at::Tensor Gather(const std::vector<int64_t>& slots, int64_t begin,
                    int64_t size) const;

 private:
  // The free slots; outlives the slab while values are alive.
  struct Pool {
    Mutex mu;
    std::vector<int64_t> free ABSL_GUARDED_BY(mu);
  };
  class Value;

  std::vector<int64_t> TakeSlots(int64_t count);

  const std::shared_ptr<Pool> pool_;
  at::Tensor data_;
};

}  // namespace mneme

#endif  // MNEME_MODEL_RUNTIME_MEMORY_SLAB_H_
