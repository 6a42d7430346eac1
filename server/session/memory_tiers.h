#ifndef MNEME_SERVER_SESSION_MEMORY_TIERS_H_
#define MNEME_SERVER_SESSION_MEMORY_TIERS_H_

#include <cstdint>
#include <memory>
#include <string>

#include "model/sequence_model.h"

namespace mneme {

// A memory value that is the head of at least one session (a fork shares its
// parent's). Made by MemoryTiers; when the last reference goes, what is at hand
// of the value goes with it at once. That may be after the tiers are gone.
struct TieredMemory;
using TieredMemoryRef = std::shared_ptr<TieredMemory>;

// Decides which of the sessions' head values are at hand live, on the device,
// and which as saved bytes, in host memory; the others are only in the store.
// Values are immutable and the store has each of them, so a spill moves
// nothing: the tiers let go of the least recently used, and no value is lost.
//
// The two tiers are independent. A live value keeps its bytes, which came down
// for its commit, so that a spill needs no device; so a host tier that is not
// larger than the device tier has next to nothing that the other lacks.
//
// Leases: whoever holds what Use returned may go on using it, spilled or not.
// So the device has to have room for Limits::device_bytes, for the values that
// steps in flight read, and for those that they wrote and did not yet add.
//
// A model's initial memory is the model's own, for all its sessions: what is at
// step 0 does not belong here.
//
// Thread-safe. A call takes constant time, plus that of what it spills; nothing
// is destroyed while the lock is held.
class MemoryTiers {
 public:
  struct Limits {
    // One value stays on the device even if it alone is larger.
    int64_t device_bytes = 0;
    int64_t host_bytes = 0;  // 0: no host tier
  };
  using SavedRef = std::shared_ptr<const std::string>;

  explicit MemoryTiers(const Limits& limits);
  MemoryTiers(const MemoryTiers&) = delete;
  MemoryTiers& operator=(const MemoryTiers&) = delete;

  // A value of which `live` and `saved` are at hand (null: is not), the most
  // recently used one. It counts `value_bytes` (not negative) in each tier that
  // it is on. `replaced`, a session's head so far, is let go of first, so that
  // nothing is spilled for the sake of a value that nobody needs any more:
  //   head = tiers.Add(live, saved, bytes, std::move(head));
  TieredMemoryRef Add(MemoryRef live, SavedRef saved, int64_t value_bytes,
                      TieredMemoryRef replaced = nullptr);

  // What is at hand of a value; both null: it has to be read from the store.
  struct AtHand {
    MemoryRef live;
    SavedRef saved;
  };
  // The value is about to be used: makes it the most recently used one.
  // For this and the next two, REQUIRES: these tiers made `value`.
  AtHand Use(const TieredMemoryRef& value);

  // Whether Use would give anything now. It is no use.
  bool IsAtHand(const TieredMemoryRef& value) const;

  // The value was read or loaded again and stays the head (a step that is about
  // to replace it needs no such call): what is not null is at hand again. Makes
  // it the most recently used one. What was at hand already stays.
  void Restored(const TieredMemoryRef& value, const MemoryRef& live,
                const SavedRef& saved);

  struct TierStats {
    int64_t values = 0;
    int64_t bytes = 0;    // never above the limit, but for the one value
    int64_t spilled = 0;  // so far, to keep to the limit
  };
  struct Stats {
    TierStats device;
    TierStats host;
    // Uses so far, by where the value was: live, as bytes, or in neither.
    int64_t used_from_device = 0;
    int64_t restored_from_host = 0;
    int64_t restored_from_store = 0;
  };
  Stats stats() const;

 private:
  friend struct TieredMemory;
  struct Shared;

  // With the values, which may outlive the tiers.
  const std::shared_ptr<Shared> shared_;
};

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_MEMORY_TIERS_H_
