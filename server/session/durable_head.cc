#include "server/session/durable_head.h"

#include <algorithm>

namespace mneme {

DurableHead::DurableHead(const std::vector<RetainedStep>& retained,
                         int64_t messages)
    : keep_(messages), durable_(retained.back()) {
  for (const RetainedStep& value : retained) {
    if (value != durable_) Hold(value.step);
  }
}

void DurableHead::Note(const RetainedStep& head, absl::Duration now) {
  applied_ = true;
  if (noted_.size() == kMostNoted) {
    // Every other one goes, also the newest: `head` follows it.
    for (size_t i = 0; i < kMostNoted / 2; ++i) noted_[i] = noted_[2 * i];
    noted_.resize(kMostNoted / 2);
  }
  noted_.push_back({head, now});
}

void DurableHead::RollBack(const RetainedStep& head) {
  noted_.clear();
  if (durable_.step < head.step) Hold(durable_.step);
  durable_ = head;
  std::erase_if(earlier_, [&](const Earlier& earlier) {
    return earlier.step >= head.step;
  });
}

RetainedStep DurableHead::Newest(
    std::optional<absl::Duration> unsynced_since) const {
  const size_t on_disk = OnDisk(unsynced_since);
  return on_disk == 0 ? durable_ : noted_[on_disk - 1].head;
}

RetainedStep DurableHead::Answer(std::optional<absl::Duration> unsynced_since) {
  if (applied_) ++messages_;
  applied_ = false;
  std::erase_if(earlier_, [this](const Earlier& earlier) {
    return earlier.until <= messages_;
  });
  const size_t on_disk = OnDisk(unsynced_since);
  if (on_disk > 0) {
    Hold(durable_.step);
    durable_ = noted_[on_disk - 1].head;
    noted_.erase(noted_.begin(),
                 noted_.begin() + static_cast<ptrdiff_t>(on_disk));
  }
  return durable_;
}

std::vector<uint64_t> DurableHead::Held() const {
  std::vector<uint64_t> steps;
  for (const Earlier& earlier : earlier_) steps.push_back(earlier.step);
  steps.push_back(durable_.step);
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

void DurableHead::Hold(uint64_t step) {
  if (earlier_.size() == kMostEarlier) earlier_.erase(earlier_.begin());
  earlier_.push_back({step, messages_ + keep_});
}

}  // namespace mneme
