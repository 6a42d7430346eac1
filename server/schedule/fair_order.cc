#include "server/schedule/fair_order.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace mneme {
namespace {

// For heaps, whose front is the greatest: the last to go is the least.
bool GoesAfter(const OrderedSegment& a, const OrderedSegment& b) {
  return std::tie(a.due, a.index) > std::tie(b.due, b.index);
}

}  // namespace

void VirtualTimes::Charge(const WaitingSegment& segment) {
  if (segment.tenant >= shares_.size()) shares_.resize(segment.tenant + 1);
  TenantShare& share = shares_[segment.tenant];
  share.virtual_time += static_cast<double>(segment.num_tokens) / share.weight;
}

FairOrder::FairOrder(absl::Span<const WaitingSegment> queue,
                     std::vector<OrderedSegment> segments, VirtualTimes* times)
    : queue_(queue), times_(times), segments_(std::move(segments)) {
  GroupByTenant();
  for (Tenant& tenant : tenants_) {
    tenant.first = segments_[tenant.begin].index;
    std::make_heap(At(tenant.begin), At(tenant.end), GoesAfter);
  }
  std::make_heap(tenants_.begin(), tenants_.end(), IsLater);
}

void FairOrder::GroupByTenant() {
  std::vector<size_t> ends;  // by tenant: how many it has, then where they end
  for (const OrderedSegment& segment : segments_) {
    if (segment.tenant >= ends.size()) ends.resize(segment.tenant + 1);
    ++ends[segment.tenant];
  }
  size_t begin = 0;
  for (size_t tenant = 0; tenant < ends.size(); ++tenant) {
    const size_t end = begin + ends[tenant];
    if (end > begin) tenants_.push_back({times_->Of(tenant), 0, begin, end});
    ends[tenant] = end;
    begin = end;
  }
  if (tenants_.size() < 2) return;
  std::vector<OrderedSegment> grouped(segments_.size());
  for (size_t i = segments_.size(); i-- > 0;) {
    grouped[--ends[segments_[i].tenant]] = segments_[i];
  }
  segments_ = std::move(grouped);
}

bool FairOrder::IsLater(const Tenant& a, const Tenant& b) {
  return std::tie(a.virtual_time, a.first) > std::tie(b.virtual_time, b.first);
}

void FairOrder::Pop() {
  std::pop_heap(tenants_.begin(), tenants_.end(), IsLater);
  Tenant& tenant = tenants_.back();
  const WaitingSegment& taken = queue_[segments_[tenant.begin].index];
  times_->Charge(taken);
  tenant.virtual_time = times_->Of(taken.tenant);
  std::pop_heap(At(tenant.begin), At(tenant.end), GoesAfter);
  if (--tenant.end == tenant.begin) {
    tenants_.pop_back();
  } else {
    std::push_heap(tenants_.begin(), tenants_.end(), IsLater);
  }
}

}  // namespace mneme
