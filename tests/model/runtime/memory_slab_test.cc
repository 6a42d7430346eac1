#include "model/runtime/memory_slab.h"

#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>

#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace mneme {
namespace {

class MemorySlabTest : public ::testing::Test {
 protected:
  MemoryRef StoreOne(float value) {
    return slab_.Store(at::full({1, 3}, value))[0];
  }
  float ValueOf(const MemoryRef& memory) {
    return slab_.Gather({slab_.SlotOf(memory.get())})[0][0].item<float>();
  }

  MemorySlab slab_{3, at::TensorOptions().dtype(at::kFloat)};
};

TEST_F(MemorySlabTest, GathersWhatWasStoredInAnyOrder) {
  const at::Tensor rows = at::randn({5, 3});
  const auto values = slab_.Store(rows);
  std::vector<int64_t> backwards;
  for (size_t i = values.size(); i > 0; --i) {
    backwards.push_back(slab_.SlotOf(values[i - 1].get()));
  }
  EXPECT_TRUE(slab_.Gather(backwards).equal(rows.flip(0)));
  EXPECT_TRUE(
      slab_.Gather(backwards, 1, 2).equal(rows.flip(0).narrow(1, 1, 2)));
}

TEST_F(MemorySlabTest, GrowingKeepsValues) {
  const MemoryRef first = StoreOne(7);
  std::vector<MemoryRef> held;
  for (int i = 0; i < 1000; ++i)
    held.push_back(StoreOne(static_cast<float>(i)));
  EXPECT_EQ(ValueOf(first), 7);
  for (size_t i = 0; i < held.size(); ++i) {
    EXPECT_EQ(ValueOf(held[i]), static_cast<float>(i));
  }
}

TEST_F(MemorySlabTest, ADroppedValuesSlotIsUsedAgainAndNotBefore) {
  MemoryRef a = StoreOne(1);
  const MemoryRef shared = a;
  const int64_t slot = slab_.SlotOf(a.get());
  a.reset();
  const MemoryRef b = StoreOne(2);
  EXPECT_NE(slab_.SlotOf(b.get()), slot);
  EXPECT_EQ(ValueOf(shared), 1);
  MemoryRef last = StoreOne(3);
  const int64_t freed = slab_.SlotOf(last.get());
  last.reset();
  EXPECT_EQ(slab_.SlotOf(StoreOne(4).get()), freed);
}

TEST_F(MemorySlabTest, ValuesOfAnotherSlabHaveNoSlot) {
  MemorySlab other(3, at::TensorOptions().dtype(at::kFloat));
  const MemoryRef foreign = other.Store(at::full({1, 3}, 1.0f))[0];
  EXPECT_EQ(slab_.SlotOf(foreign.get()), -1);
  EXPECT_EQ(slab_.SlotOf(nullptr), -1);
}

TEST_F(MemorySlabTest, ConvertsToItsDType) {
  MemorySlab half(3, at::TensorOptions().dtype(at::kBFloat16));
  const MemoryRef value = half.Store(at::full({1, 3}, 1.5f))[0];
  const at::Tensor row = half.Gather({half.SlotOf(value.get())});
  EXPECT_EQ(row.scalar_type(), at::kBFloat16);
  EXPECT_EQ(row[0][0].item<float>(), 1.5f);
}

TEST_F(MemorySlabTest, ValuesAreDroppedOnManyThreadsAtOnce) {
  for (int round = 0; round < 20; ++round) {
    auto values = slab_.Store(at::randn({64, 3}));
    std::vector<std::thread> threads;
    for (size_t t = 0; t < 4; ++t) {
      threads.emplace_back(
          [mine = std::vector<MemoryRef>(
               values.begin() + static_cast<ptrdiff_t>(t) * 16,
               values.begin() + static_cast<ptrdiff_t>(t + 1) * 16)]() mutable {
            mine.clear();
          });
    }
    values.clear();
    for (std::thread& thread : threads) thread.join();
  }
  const MemoryRef value = StoreOne(9);
  EXPECT_LT(slab_.SlotOf(value.get()), 128);
}

}  // namespace
}  // namespace mneme
