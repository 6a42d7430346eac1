#include "server/session/memory_tiers.h"

#include <list>
#include <utility>
#include <vector>

#include "server/base/kill_point.h"
#include "server/base/mutex.h"

namespace mneme {
namespace {

// What the tiers let go of, to be destroyed when the lock is released.
using Spilled = std::vector<std::shared_ptr<const void>>;

// One tier: values (as T) of at most `limit` bytes, or one value.
template <typename T>
class Tier {
 public:
  // A value's place in the tier, which the value owns.
  struct Place {
    std::shared_ptr<const T> held;  // null: it is not in the tier
    int64_t bytes = 0;
    typename std::list<Place*>::iterator at;
  };

  explicit Tier(int64_t limit) : limit_(limit) {}

  int64_t limit() const { return limit_; }
  const MemoryTiers::TierStats& stats() const { return stats_; }

  void Touch(Place* place) {
    if (place->held == nullptr) return;
    order_.splice(order_.begin(), order_, place->at);
  }

  // REQUIRES: `place` is not in the tier.
  void Put(const std::shared_ptr<const T>& value, int64_t bytes, Place* place,
           Spilled* spilled) {
    place->held = value;
    place->bytes = bytes;
    place->at = order_.insert(order_.begin(), place);
    ++stats_.values;
    stats_.bytes += bytes;
    while (stats_.bytes > limit_ && stats_.values > 1) {
      Place* const last = order_.back();
      Remove(last);
      spilled->push_back(std::move(last->held));
      ++stats_.spilled;
    }
  }

  // Leaves what the place holds to the caller.
  void Remove(Place* place) {
    if (place->held == nullptr) return;
    order_.erase(place->at);
    --stats_.values;
    stats_.bytes -= place->bytes;
  }

 private:
  const int64_t limit_;
  std::list<Place*> order_;  // the most recently used first
  MemoryTiers::TierStats stats_;
};

}  // namespace

struct MemoryTiers::Shared {
  explicit Shared(const Limits& limits)
      : device(limits.device_bytes), host(limits.host_bytes) {}

  // What of `live` and `saved` the tiers lack of the value, they have then.
  void Put(const MemoryRef& live, const SavedRef& saved, TieredMemory* value,
           Spilled* spilled) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  void Touch(TieredMemory* value) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);

  Mutex mu;
  Tier<Memory> device ABSL_GUARDED_BY(mu);
  Tier<std::string> host ABSL_GUARDED_BY(mu);
  int64_t used_from_device ABSL_GUARDED_BY(mu) = 0;
  int64_t restored_from_host ABSL_GUARDED_BY(mu) = 0;
  int64_t restored_from_store ABSL_GUARDED_BY(mu) = 0;
};

struct TieredMemory {
  TieredMemory(std::shared_ptr<MemoryTiers::Shared> tiers, int64_t value_bytes)
      : shared(std::move(tiers)), bytes(value_bytes) {}
  TieredMemory(const TieredMemory&) = delete;
  TieredMemory& operator=(const TieredMemory&) = delete;
  ~TieredMemory() {
    MutexLock lock(&shared->mu);
    shared->device.Remove(&device);
    shared->host.Remove(&host);
  }

  const std::shared_ptr<MemoryTiers::Shared> shared;
  const int64_t bytes;
  // Guarded by shared->mu.
  Tier<Memory>::Place device;
  Tier<std::string>::Place host;
};

void MemoryTiers::Shared::Put(const MemoryRef& live, const SavedRef& saved,
                              TieredMemory* value, Spilled* spilled) {
  Touch(value);
  if (live != nullptr && value->device.held == nullptr) {
    device.Put(live, value->bytes, &value->device, spilled);
  }
  const bool fits = host.limit() > 0 && value->bytes <= host.limit();
  if (saved != nullptr && value->host.held == nullptr && fits) {
    host.Put(saved, value->bytes, &value->host, spilled);
  }
}

void MemoryTiers::Shared::Touch(TieredMemory* value) {
  device.Touch(&value->device);
  host.Touch(&value->host);
}

MemoryTiers::MemoryTiers(const Limits& limits)
    : shared_(std::make_shared<Shared>(limits)) {}

// NOLINTBEGIN(performance-unnecessary-value-param): the caller lets go of them.
TieredMemoryRef MemoryTiers::Add(MemoryRef live, SavedRef saved,
                                 int64_t value_bytes,
                                 TieredMemoryRef replaced) {
  replaced = nullptr;
  auto value = std::make_shared<TieredMemory>(shared_, value_bytes);
  Restored(value, live, saved);
  return value;
}
// NOLINTEND(performance-unnecessary-value-param)

MemoryTiers::AtHand MemoryTiers::Use(const TieredMemoryRef& value) {
  MutexLock lock(&shared_->mu);
  shared_->Touch(value.get());
  AtHand at_hand{value->device.held, value->host.held};
  if (at_hand.live != nullptr) {
    ++shared_->used_from_device;
  } else if (at_hand.saved != nullptr) {
    ++shared_->restored_from_host;
  } else {
    ++shared_->restored_from_store;
  }
  return at_hand;
}

bool MemoryTiers::IsAtHand(const TieredMemoryRef& value) const {
  MutexLock lock(&shared_->mu);
  return value->device.held != nullptr || value->host.held != nullptr;
}

void MemoryTiers::Restored(const TieredMemoryRef& value, const MemoryRef& live,
                           const SavedRef& saved) {
  Spilled spilled;  // destroyed after the lock is released
  {
    MutexLock lock(&shared_->mu);
    shared_->Put(live, saved, value.get(), &spilled);
  }
  if (!spilled.empty()) KillPoint("mid_spill");
}

MemoryTiers::Stats MemoryTiers::stats() const {
  MutexLock lock(&shared_->mu);
  Stats stats;
  stats.device = shared_->device.stats();
  stats.host = shared_->host.stats();
  stats.used_from_device = shared_->used_from_device;
  stats.restored_from_host = shared_->restored_from_host;
  stats.restored_from_store = shared_->restored_from_store;
  return stats;
}

}  // namespace mneme
