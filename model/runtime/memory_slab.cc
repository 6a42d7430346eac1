#include "model/runtime/memory_slab.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <utility>

#include "model/runtime/device.h"

namespace mneme {
namespace {

constexpr int64_t kFirstSlots = 64;

}  // namespace

class MemorySlab::Value final : public Memory {
 public:
  Value(std::shared_ptr<Pool> pool, int64_t slot)
      : pool_(std::move(pool)), slot_(slot) {}
  ~Value() override {
    MutexLock lock(&pool_->mu);
    pool_->free.push_back(slot_);
  }

  int64_t SlotIn(const Pool* pool) const {
    return pool_.get() == pool ? slot_ : -1;
  }

 private:
  const std::shared_ptr<Pool> pool_;
  const int64_t slot_;
};

MemorySlab::MemorySlab(int64_t width, const at::TensorOptions& options)
    : pool_(std::make_shared<Pool>()), data_(at::empty({0, width}, options)) {}

std::vector<int64_t> MemorySlab::TakeSlots(int64_t count) {
  const auto wanted = static_cast<size_t>(count);
  size_t available = 0;
  {
    MutexLock lock(&pool_->mu);
    available = pool_->free.size();
  }
  if (available < wanted) {
    const int64_t old = data_.size(0);
    const int64_t more = std::max({kFirstSlots, old, count});
    data_ = at::cat({data_, at::empty({more, data_.size(1)}, data_.options())});
    MutexLock lock(&pool_->mu);
    for (int64_t slot = old + more; slot > old; --slot) {
      pool_->free.push_back(slot - 1);
    }
  }
  MutexLock lock(&pool_->mu);
  const auto first = pool_->free.end() - static_cast<ptrdiff_t>(wanted);
  std::vector<int64_t> slots(first, pool_->free.end());
  pool_->free.erase(first, pool_->free.end());
  return slots;
}

std::vector<MemoryRef> MemorySlab::Store(const at::Tensor& rows) {
  const std::vector<int64_t> slots = TakeSlots(rows.size(0));
  std::vector<MemoryRef> values;
  values.reserve(slots.size());
  for (const int64_t slot : slots) {
    values.push_back(std::make_shared<Value>(pool_, slot));
  }
  data_.index_copy_(0, ToDevice(slots, data_.device()),
                    rows.to(data_.scalar_type()));
  return values;
}

int64_t MemorySlab::SlotOf(const Memory* value) const {
  const auto* mine = dynamic_cast<const Value*>(value);
  return mine == nullptr ? -1 : mine->SlotIn(pool_.get());
}

at::Tensor MemorySlab::Gather(const std::vector<int64_t>& slots) const {
  return Gather(slots, 0, data_.size(1));
}

at::Tensor MemorySlab::Gather(const std::vector<int64_t>& slots, int64_t begin,
                              int64_t size) const {
  return data_.narrow(1, begin, size)
      .index_select(0, ToDevice(slots, data_.device()));
}

}  // namespace mneme
