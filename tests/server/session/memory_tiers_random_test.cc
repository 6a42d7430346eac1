// Many random operations on the tiers: beside a plain model of what they have
// to do, and from several threads.

#include <algorithm>
#include <array>
#include <random>
#include <thread>

#include "server/base/mutex.h"
#include "tests/server/session/memory_tiers_fixture.h"

namespace mneme {
namespace {

using ::testing::ElementsAre;

// What the tiers have to do, told in the plainest way.
class PlainTiers {
 public:
  explicit PlainTiers(const MemoryTiers::Limits& limits) : limits_(limits) {}

  void Put(const TieredMemoryRef& ref, bool live, bool saved, int64_t bytes) {
    if (!Has(ref)) values_.insert(values_.begin(), {ref.get(), bytes});
    Value& value = Touch(ref);
    value.live |= live;
    value.saved |=
        saved && limits_.host_bytes > 0 && value.bytes <= limits_.host_bytes;
    Trim(&Value::live, limits_.device_bytes, &device_spilled_);
    Trim(&Value::saved, limits_.host_bytes, &host_spilled_);
  }
  char Use(const TieredMemoryRef& ref) {
    const Value& value = Touch(ref);
    return value.live ? 'd' : value.saved ? 'h' : 's';
  }
  void Remove(const TieredMemoryRef& ref) { values_.erase(Find(ref)); }

  std::vector<int64_t> Stats() const {
    std::vector<int64_t> stats = Sum(&Value::live);
    stats.push_back(device_spilled_);
    for (const int64_t n : Sum(&Value::saved)) stats.push_back(n);
    stats.push_back(host_spilled_);
    return stats;
  }

 private:
  struct Value {
    const TieredMemory* ref;
    int64_t bytes;
    bool live = false;
    bool saved = false;
  };

  std::vector<Value>::iterator Find(const TieredMemoryRef& ref) {
    return std::find_if(values_.begin(), values_.end(),
                        [&](const Value& v) { return v.ref == ref.get(); });
  }
  bool Has(const TieredMemoryRef& ref) { return Find(ref) != values_.end(); }
  Value& Touch(const TieredMemoryRef& ref) {
    const auto at = Find(ref);
    std::rotate(values_.begin(), at, at + 1);
    return values_.front();
  }
  std::vector<int64_t> Sum(bool Value::*tier) const {
    std::vector<int64_t> sum = {0, 0};  // values, bytes
    for (const Value& value : values_) {
      if (!(value.*tier)) continue;
      ++sum[0];
      sum[1] += value.bytes;
    }
    return sum;
  }
  void Trim(bool Value::*tier, int64_t limit, int64_t* spilled) {
    while (Sum(tier)[0] > 1 && Sum(tier)[1] > limit) {
      auto last = values_.rbegin();
      while (!((*last).*tier)) ++last;
      (*last).*tier = false;
      ++*spilled;
    }
  }

  const MemoryTiers::Limits limits_;
  std::vector<Value> values_;  // the most recently used first
  int64_t device_spilled_ = 0;
  int64_t host_spilled_ = 0;
};

class MemoryTiersRandomTest : public MemoryTiersTest {};

std::vector<int64_t> Flat(const MemoryTiers::Stats& stats) {
  return {stats.device.values, stats.device.bytes, stats.device.spilled,
          stats.host.values,   stats.host.bytes,   stats.host.spilled};
}

// Random operations of some sessions, on the tiers and on the plain ones.
class RandomSessions {
 public:
  using MakeLive = std::function<MemoryRef()>;
  RandomSessions(const MemoryTiers::Limits& limits, uint32_t seed,
                 MakeLive make_live)
      : tiers_(limits),
        plain_(limits),
        random_(seed),
        make_live_(std::move(make_live)) {}

  void Operate() {
    TieredMemoryRef& head = heads_[Below(heads_.size())];
    const size_t what = Below(10);
    if (head == nullptr || what < 4) return Replace(&head);
    if (what < 7) return Use(head);
    if (what < 8) return Restore(head);
    LetGo(&head);
    if (what < 9) head = heads_[Below(heads_.size())];  // a fork
  }
  void CheckStats(int64_t alive) {
    ASSERT_EQ(Flat(tiers_.stats()), plain_.Stats());
    ASSERT_EQ(alive, tiers_.stats().device.values);
    const MemoryTiers::Stats stats = tiers_.stats();
    ASSERT_EQ((std::array{stats.used_from_device, stats.restored_from_host,
                          stats.restored_from_store}),
              used_);
  }

 private:
  size_t Below(size_t n) { return random_() % n; }

  void Replace(TieredMemoryRef* head) {
    if (*head != nullptr && head->use_count() == 1) plain_.Remove(*head);
    const bool live = Below(4) > 0;
    const bool saved = Below(4) > 0;
    const auto bytes = static_cast<int64_t>(Below(40) == 0 ? 150 : Below(20));
    *head = tiers_.Add(live ? make_live_() : nullptr, saved ? bytes_ : nullptr,
                       bytes, std::move(*head));
    plain_.Put(*head, live, saved, bytes);
  }
  void Use(const TieredMemoryRef& head) {
    const char found = Found(tiers_.Use(head));
    ASSERT_EQ(found, plain_.Use(head));
    ++used_[std::string("dhs").find(found)];
  }
  void Restore(const TieredMemoryRef& head) {
    const bool live = Below(2) > 0;
    const bool saved = Below(2) > 0;
    tiers_.Restored(head, live ? make_live_() : nullptr,
                    saved ? bytes_ : nullptr);
    plain_.Put(head, live, saved, 0);
  }
  void LetGo(TieredMemoryRef* head) {
    if (head->use_count() == 1) plain_.Remove(*head);
    *head = nullptr;
  }

  MemoryTiers tiers_;
  PlainTiers plain_;
  std::mt19937 random_;
  const MakeLive make_live_;
  const MemoryTiers::SavedRef bytes_ = std::make_shared<const std::string>();
  std::array<TieredMemoryRef, 40> heads_;
  std::array<int64_t, 3> used_{};
};

TEST_F(MemoryTiersRandomTest, BehavesAsThePlainTiersInRandomOperations) {
  const std::vector<MemoryTiers::Limits> limits = {
      {100, 200}, {100, 0}, {0, 100}, {200, 100}, {10000, 10000}};
  for (uint32_t seed = 0; seed < limits.size(); ++seed) {
    RandomSessions sessions(limits[seed], seed, [this] { return Live(""); });
    for (int i = 0; i < 4000; ++i) {
      sessions.Operate();
      sessions.CheckStats(alive_);
      if (HasFatalFailure()) FAIL() << "seed " << seed << ", operation " << i;
    }
  }
}

// Sessions' heads, which several threads use and replace.
struct SharedHead {
  Mutex mu;
  std::string name ABSL_GUARDED_BY(mu);
  TieredMemoryRef value ABSL_GUARDED_BY(mu);
};

TEST_F(MemoryTiersRandomTest, ManyThreadsUseAndReplaceTheSameValues) {
  constexpr int kThreads = 4;
  constexpr int kOperations = 3000;
  MemoryTiers tiers({8 * kBytes, 16 * kBytes});
  std::array<SharedHead, 32> heads;
  std::atomic<int64_t> uses{0};
  const auto replace = [&](SharedHead* head, const std::string& name) {
    MutexLock lock(&head->mu);
    head->value =
        tiers.Add(Live(name), Saved(name), kBytes, std::move(head->value));
    head->name = name;
  };
  const auto use = [&](SharedHead* head) {
    std::string name;
    TieredMemoryRef value;  // as a fork of it: others may replace the head
    {
      MutexLock lock(&head->mu);
      name = head->name;
      value = head->value;
    }
    if (value == nullptr) return;
    const MemoryTiers::AtHand at_hand = tiers.Use(value);
    ++uses;
    EXPECT_EQ(at_hand.live == nullptr ? name : NameOf(at_hand.live), name);
    EXPECT_EQ(at_hand.saved == nullptr ? name : *at_hand.saved, name);
    if (at_hand.live == nullptr) tiers.Restored(value, Live(name), Saved(name));
  };
  const auto work = [&](uint32_t seed) {
    std::mt19937 random(seed);
    for (int i = 0; i < kOperations; ++i) {
      SharedHead* const head = &heads[random() % heads.size()];
      if (random() % 3 == 0) {
        replace(head, std::to_string(random()));
      } else {
        use(head);
      }
      EXPECT_LE(tiers.stats().device.bytes, 8 * kBytes);
      EXPECT_LE(tiers.stats().host.bytes, 16 * kBytes);
    }
  };
  std::vector<std::thread> threads;
  for (uint32_t seed = 0; seed < kThreads; ++seed) {
    threads.emplace_back(work, seed);
  }
  for (std::thread& thread : threads) thread.join();

  const MemoryTiers::Stats stats = tiers.stats();
  EXPECT_EQ(stats.device.values, alive_);
  EXPECT_EQ(stats.used_from_device + stats.restored_from_host +
                stats.restored_from_store,
            uses);
  for (SharedHead& head : heads) {
    MutexLock lock(&head.mu);
    head.value = nullptr;
  }
  EXPECT_EQ(alive_, 0);
  const std::vector<int64_t> left = Flat(tiers.stats());
  EXPECT_THAT((std::vector{left[0], left[1], left[3], left[4]}),
              ElementsAre(0, 0, 0, 0));
}

}  // namespace
}  // namespace mneme
