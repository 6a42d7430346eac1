#ifndef MNEME_SERVER_SCHEDULE_FAIR_ORDER_H_
#define MNEME_SERVER_SCHEDULE_FAIR_ORDER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "server/schedule/fair_share.h"
#include "server/schedule/waiting_segment.h"

namespace mneme {

// A segment of the queue, as the order sees it. Small: there may be very many.
struct OrderedSegment {
  int64_t due = 0;     // the earliest goes first; then the first in the queue
  uint32_t index = 0;  // in the queue
  uint32_t tenant = 0;
};

// Virtual time of tenants while a batch is put together: what was taken counts
// at once. Tenants that the shares do not have stand at 0 and weigh 1.
class VirtualTimes {
 public:
  explicit VirtualTimes(absl::Span<const TenantShare> shares)
      : shares_(shares.begin(), shares.end()) {}

  double Of(size_t tenant) const {
    return tenant < shares_.size() ? shares_[tenant].virtual_time : 0;
  }
  void Charge(const WaitingSegment& segment);

 private:
  std::vector<TenantShare> shares_;
};

// Gives segments one by one: of the tenant with the least virtual time, then
// (of those even, who has waited longest) its own that is due first. The work
// is for what is taken, but for one pass over all.
class FairOrder {
 public:
  // `segments` of `queue`, in its order. All but `segments` must outlive this.
  FairOrder(absl::Span<const WaitingSegment> queue,
            std::vector<OrderedSegment> segments, VirtualTimes* times);

  bool empty() const { return tenants_.empty(); }
  // The next one's index in the queue. REQUIRES of both: not empty().
  size_t Peek() const { return segments_[tenants_.front().begin].index; }
  // Takes it, and charges its tenant.
  void Pop();

 private:
  // A tenant's part of segments_, a heap.
  struct Tenant {
    double virtual_time = 0;
    size_t first = 0;  // the index of its oldest segment, to break ties
    size_t begin = 0;
    size_t end = 0;
  };
  static bool IsLater(const Tenant& a, const Tenant& b);
  // Sorts segments_ by tenant and fills tenants_.
  void GroupByTenant();
  using Iterator = std::vector<OrderedSegment>::iterator;
  Iterator At(size_t i) {
    return segments_.begin() + static_cast<ptrdiff_t>(i);
  }

  const absl::Span<const WaitingSegment> queue_;
  VirtualTimes* const times_;
  std::vector<OrderedSegment> segments_;  // by tenant
  std::vector<Tenant> tenants_;           // a heap
};

}  // namespace mneme

#endif  // MNEME_SERVER_SCHEDULE_FAIR_ORDER_H_
