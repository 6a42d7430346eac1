#include "server/schedule/fair_share.h"

#include <algorithm>
#include <utility>

namespace mneme {
namespace {

// How far a tenant can be behind the others: about a second of a device. More
// comes of a lower priority, not of idleness, and made up for in one go it
// would shut the others out.
constexpr double kMostBehind = 1 << 20;

}  // namespace

FairShare::FairShare(Weights weights) : weights_(std::move(weights)) {}

uint32_t FairShare::Enter(absl::string_view tenant) {
  const auto it = numbers_.find(tenant);
  const uint32_t number = it == numbers_.end() ? Add(tenant) : it->second;
  double& virtual_time = shares_[number].virtual_time;
  if (tenants_[number].waiting == 0) {
    virtual_time = std::max(virtual_time, served_);
  }
  ++tenants_[number].waiting;
  ++waiting_;
  return number;
}

void FairShare::Charge(uint32_t tenant, int64_t tokens) {
  TenantShare& share = shares_[tenant];
  share.virtual_time = std::max(share.virtual_time, served_ - kMostBehind);
  served_ = std::max(served_, share.virtual_time);
  share.virtual_time += static_cast<double>(tokens) / share.weight;
}

void FairShare::Leave(uint32_t tenant) {
  --tenants_[tenant].waiting;
  if (--waiting_ > 0) return;
  // Nobody competes: all are even.
  for (const TenantShare& share : shares_) {
    served_ = std::max(served_, share.virtual_time);
  }
}

uint32_t FairShare::Add(absl::string_view tenant) {
  if (numbers_.size() >= forget_at_) ForgetIdle();
  if (free_.empty()) {
    free_.push_back(static_cast<uint32_t>(tenants_.size()));
    tenants_.emplace_back();
    shares_.emplace_back();
  }
  const uint32_t number = free_.back();
  free_.pop_back();
  const auto weight = weights_.find(tenant);
  tenants_[number] = {std::string(tenant), /*waiting=*/0, /*known=*/true};
  shares_[number] = {served_, weight == weights_.end() ? 1 : weight->second};
  numbers_.emplace(tenant, number);
  return number;
}

void FairShare::ForgetIdle() {
  for (uint32_t i = 0; i < tenants_.size(); ++i) {
    Tenant& tenant = tenants_[i];
    if (!tenant.known || tenant.waiting > 0) continue;
    if (shares_[i].virtual_time > served_) continue;
    numbers_.erase(tenant.name);
    tenant = Tenant();
    free_.push_back(i);
  }
  forget_at_ = std::max(forget_at_, 2 * numbers_.size());
}

}  // namespace mneme
