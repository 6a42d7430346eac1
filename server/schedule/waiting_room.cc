#include "server/schedule/waiting_room.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/error_info.h"

namespace mneme {
namespace {

absl::Status QueueFull(absl::string_view message, ErrorInfo info) {
  info.reason = "QUEUE_FULL";
  info.retry_after = absl::Milliseconds(100);
  return MakeError(absl::StatusCode::kResourceExhausted, message, info);
}

}  // namespace

absl::Status WaitingRoom::Enter(absl::string_view tenant) {
  if (!first_.has_value()) first_ = std::string(tenant);
  several_ = several_ || tenant != *first_;
  if (size_ >= options_.places) {
    return QueueFull(
        absl::StrCat(options_.what, " is full: ", size_, " ", options_.who),
        {});
  }
  int64_t& held = held_[tenant];
  const int64_t bound = TenantBound();
  if (several_ && held >= bound) {
    ErrorInfo info;
    info.metadata["tenant_bound"] = absl::StrCat(bound);
    return QueueFull(
        absl::StrCat(options_.what, " is full for tenant '", tenant,
                     "': it has ", held, " of ", options_.places,
                     " places, and one tenant can have ", bound),
        std::move(info));
  }
  ++held;
  ++size_;
  return absl::OkStatus();
}

void WaitingRoom::Leave(absl::string_view tenant) {
  --size_;
  const auto it = held_.find(tenant);
  if (--it->second == 0) held_.erase(it);
}

int64_t WaitingRoom::TenantBound() const {
  const double part =
      static_cast<double>(options_.places) * options_.tenant_part;
  return std::max<int64_t>(1, static_cast<int64_t>(part));
}

}  // namespace mneme
