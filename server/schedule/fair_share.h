#ifndef MNEME_SERVER_SCHEDULE_FAIR_SHARE_H_
#define MNEME_SERVER_SCHEDULE_FAIR_SHARE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace mneme {

// What the policy sees of a tenant.
struct TenantShare {
  // Tokens that ran for it, divided by its weight: the least goes first.
  double virtual_time = 0;
  double weight = 1;
};

// Who had how much of the device: start-time fair queueing. While tenants
// compete, each gets device time in proportion to its weight. One that comes
// back from idleness starts where those that are served stand, so it has
// neither saved time up nor pays for what it used when nobody else was there.
//
// Tenants have numbers while they have segments waiting, and a little longer;
// a number is used again once its tenant can be forgotten without a
// difference. Thread-compatible; the scheduler's thread owns it.
class FairShare {
 public:
  using Weights = absl::flat_hash_map<std::string, double>;

  // Tenants that `weights` does not name have 1. REQUIRES: weights > 0.
  explicit FairShare(Weights weights = {});

  // One more segment of the tenant waits. Gives the tenant's number.
  uint32_t Enter(absl::string_view tenant);
  // A segment that waited is about to run. Before it leaves.
  void Charge(uint32_t tenant, int64_t tokens);
  // A segment waits no more: it runs, or was dropped.
  void Leave(uint32_t tenant);

  // By number.
  absl::Span<const TenantShare> shares() const { return shares_; }

 private:
  struct Tenant {
    std::string name;
    int64_t waiting = 0;
    bool known = false;  // or the number is free
  };

  uint32_t Add(absl::string_view tenant);
  void ForgetIdle();

  const Weights weights_;
  absl::flat_hash_map<std::string, uint32_t> numbers_;
  // Both by number.
  std::vector<Tenant> tenants_;
  std::vector<TenantShare> shares_;
  std::vector<uint32_t> free_;
  int64_t waiting_ = 0;      // of all
  double served_ = 0;        // the virtual time that is served now
  size_t forget_at_ = 1024;  // tenants
};

}  // namespace mneme

#endif  // MNEME_SERVER_SCHEDULE_FAIR_SHARE_H_
