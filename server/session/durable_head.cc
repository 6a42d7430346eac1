#include "server/session/durable_head.h"

#include <algorithm>

namespace mneme {

void DurableHead::Note(const RetainedStep& head, absl::Duration now) {
  if (noted_.size() == kMostNoted) {
    // Every other one goes; the newest of them does as `head` follows it.
    for (size_t i = 0; i < kMostNoted / 2; ++i) noted_[i] = noted_[2 * i];
    noted_.resize(kMostNoted / 2);
  }
  noted_.push_back({head, now});
}

void DurableHead::Reset(const RetainedStep& head) {
  durable_ = head;
  noted_.clear();
}

RetainedStep DurableHead::Newest(
    std::optional<absl::Duration> unsynced_since) const {
  const size_t on_disk = OnDisk(unsynced_since);
  return on_disk == 0 ? durable_ : noted_[on_disk - 1].head;
}

RetainedStep DurableHead::MoveOn(std::optional<absl::Duration> unsynced_since) {
  const size_t on_disk = OnDisk(unsynced_since);
  if (on_disk > 0) durable_ = noted_[on_disk - 1].head;
  noted_.erase(noted_.begin(),
               noted_.begin() + static_cast<ptrdiff_t>(on_disk));
  return durable_;
}

std::vector<uint64_t> DurableHead::Steps() const {
  std::vector<uint64_t> steps = {durable_.step};
  for (const Noted& noted : noted_) steps.push_back(noted.head.step);
  return steps;
}

size_t DurableHead::OnDisk(std::optional<absl::Duration> unsynced_since) const {
  const auto first_not =
      std::find_if(noted_.begin(), noted_.end(), [&](const Noted& noted) {
        return unsynced_since.has_value() && noted.time >= *unsynced_since;
      });
  return static_cast<size_t>(first_not - noted_.begin());
}

}  // namespace mneme
