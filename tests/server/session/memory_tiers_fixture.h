#ifndef MNEME_TESTS_SERVER_SESSION_MEMORY_TIERS_FIXTURE_H_
#define MNEME_TESTS_SERVER_SESSION_MEMORY_TIERS_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/session/memory_tiers.h"

namespace mneme {

constexpr int64_t kBytes = 10;  // of most values here

class NamedMemory : public Memory {
 public:
  NamedMemory(std::string name, std::function<void()> destroyed)
      : name_(std::move(name)), destroyed_(std::move(destroyed)) {}
  ~NamedMemory() override { destroyed_(); }

  const std::string& name() const { return name_; }

 private:
  const std::string name_;
  const std::function<void()> destroyed_;
};

inline std::string NameOf(const MemoryRef& live) {
  return static_cast<const NamedMemory&>(*live).name();
}

// Values, and how many of them are alive: what the device would have to hold.
class MemoryTiersTest : public ::testing::Test {
 protected:
  ~MemoryTiersTest() override { EXPECT_EQ(alive_, 0); }

  MemoryRef Live(std::string name) {
    ++alive_;
    return std::make_shared<NamedMemory>(std::move(name), [this] { --alive_; });
  }
  static MemoryTiers::SavedRef Saved(std::string name) {
    return std::make_shared<const std::string>(std::move(name));
  }
  TieredMemoryRef Add(MemoryTiers* tiers, const std::string& name,
                      int64_t bytes = kBytes) {
    return tiers->Add(Live(name), Saved(name), bytes);
  }
  std::vector<TieredMemoryRef> AddMany(MemoryTiers* tiers, int count) {
    std::vector<TieredMemoryRef> values;
    for (int i = 0; i < count; ++i) {
      values.push_back(Add(tiers, std::to_string(i)));
    }
    return values;
  }

  std::atomic<int> alive_{0};
};

// Where a use finds the value.
inline char Found(const MemoryTiers::AtHand& at_hand) {
  if (at_hand.live != nullptr) return 'd';
  return at_hand.saved != nullptr ? 'h' : 's';
}

}  // namespace mneme

#endif  // MNEME_TESTS_SERVER_SESSION_MEMORY_TIERS_FIXTURE_H_
