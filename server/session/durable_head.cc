#include "server/session/durable_head.h"

#include <algorithm>

namespace mneme {
namespace {

uint32_t Count(int64_t messages) {
  const int64_t most = DurableHead::kUncounted;
  return static_cast<uint32_t>(std::clamp<int64_t>(messages, 0, most));
}

// The value was the durable one.
void Hold(uint64_t step, int64_t messages, DurableHead::Retained* retained) {
  RetainedValue* const value = FindStep(*retained, step);
  if (value == nullptr) return;
  value->SetHeld(Count(messages));
  const auto is_held = [](const RetainedValue& one) { return one.held > 0; };
  const auto held = static_cast<size_t>(
      std::count_if(retained->begin(), retained->end(), is_held));
  if (held <= DurableHead::kMostEarlier) return;
  std::find_if(retained->begin(), retained->end(), is_held)->held = 0;
}

// A message that applied a segment is answered.
void CountAnswer(DurableHead::Retained* retained) {
  for (RetainedValue& value : *retained) {
    const bool counts = value.held > 0 && value.held < DurableHead::kUncounted;
    if (counts) value.SetHeld(value.held - 1);
  }
}

}  // namespace

void DurableHead::HoldFound(int64_t messages, Retained* retained) {
  const size_t earlier = retained->size() - 1;
  for (size_t i = earlier - std::min(earlier, kMostEarlier); i < earlier; ++i) {
    (*retained)[i].SetHeld(Count(messages));
  }
}

void DurableHead::CarryHeld(const Retained& before, Retained* retained) {
  for (RetainedValue& value : *retained) {
    const RetainedValue* const known = FindStep(before, value.step);
    if (known != nullptr && known->digest == value.digest) {
      value.held = known->held;
    }
  }
}

void DurableHead::Note(const RetainedStep& before, const RetainedStep& head,
                       absl::Duration now) {
  if (pending_ == nullptr) {
    pending_ = std::make_unique<Pending>();
    pending_->durable = before;
  }
  pending_->applied = true;
  std::vector<Noted>& noted = pending_->noted;
  if (noted.size() == kMostNoted) {
    // Every other one goes, also the newest: `head` follows it.
    for (size_t i = 0; i < kMostNoted / 2; ++i) noted[i] = noted[2 * i];
    noted.resize(kMostNoted / 2);
  }
  noted.push_back({head, now});
}

void DurableHead::RollBack(int64_t messages, Retained* retained) {
  retained->back().held = 0;
  if (pending_ == nullptr) return;
  const uint64_t durable = pending_->durable.step;
  if (durable < retained->back().step) Hold(durable, messages, retained);
  pending_ = nullptr;
}

RetainedStep DurableHead::Newest(std::optional<absl::Duration> unsynced_since,
                                 const RetainedStep& head) const {
  if (pending_ == nullptr) return head;
  const size_t on_disk = OnDisk(unsynced_since);
  return on_disk == 0 ? pending_->durable : pending_->noted[on_disk - 1].head;
}

RetainedStep DurableHead::Answer(std::optional<absl::Duration> unsynced_since,
                                 int64_t messages, Retained* retained) {
  if (pending_ != nullptr && pending_->applied) {
    pending_->applied = false;
    CountAnswer(retained);
  }
  return MoveOn(unsynced_since, messages, retained);
}

RetainedStep DurableHead::MoveOn(std::optional<absl::Duration> unsynced_since,
                                 int64_t messages, Retained* retained) {
  if (pending_ == nullptr) return retained->back();
  const size_t on_disk = OnDisk(unsynced_since);
  if (on_disk == 0) return pending_->durable;
  Hold(pending_->durable.step, messages, retained);
  std::vector<Noted>& noted = pending_->noted;
  pending_->durable = noted[on_disk - 1].head;
  if (on_disk == noted.size()) {
    pending_ = nullptr;
    return retained->back();
  }
  noted.erase(noted.begin(), noted.begin() + static_cast<ptrdiff_t>(on_disk));
  return pending_->durable;
}

std::vector<uint64_t> DurableHead::Needed(const RetainedStep& head) const {
  if (pending_ == nullptr) return {head.step};
  std::vector<uint64_t> steps = {pending_->durable.step};
  for (const Noted& noted : pending_->noted) steps.push_back(noted.head.step);
  return steps;
}

size_t DurableHead::OnDisk(std::optional<absl::Duration> unsynced_since) const {
  const std::vector<Noted>& noted = pending_->noted;
  const auto first_not =
      std::find_if(noted.begin(), noted.end(), [&](const Noted& one) {
        return unsynced_since.has_value() && one.time >= *unsynced_since;
      });
  return static_cast<size_t>(first_not - noted.begin());
}

}  // namespace mneme
