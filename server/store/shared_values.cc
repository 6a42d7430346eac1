#include "server/store/shared_values.h"

#include <algorithm>

namespace mneme {

void SharedValues::Load(const FamilyKey& family,
                        const std::optional<std::vector<Digest>>& values) {
  Family& loaded = families_[family];
  ++loaded.sessions;
  if (!values.has_value()) {
    ++loaded.damaged;
    return;
  }
  for (const Digest& value : *values) ++loaded.holders[value];
}

void SharedValues::Join(const FamilyKey& family,
                        const std::vector<Digest>& parent_values,
                        const std::vector<Digest>& values) {
  if (!families_.contains(family)) {
    Do({family, 1, {}, 0, 0});
    for (const Digest& value : parent_values) Do({family, 0, value, 1, 0});
  }
  Do({family, 1, {}, 0, 0});
  for (const Digest& value : values) Do({family, 0, value, 1, 0});
}

bool SharedValues::Add(const FamilyKey& family, const Digest& value) {
  if (!families_.contains(family)) return true;
  const bool first = !Holds(family, value);
  Do({family, 0, value, 1, 0});
  return first;
}

bool SharedValues::Drop(const FamilyKey& family, const Digest& value) {
  const auto it = families_.find(family);
  if (it == families_.end()) return true;
  Do({family, 0, value, -1, 0});
  return !Holds(family, value) && it->second.damaged == 0;
}

void SharedValues::Leave(const FamilyKey& family) {
  if (families_.contains(family)) Do({family, -1, {}, 0, 0});
}

void SharedValues::LeaveDamaged(const FamilyKey& family) {
  const auto it = families_.find(family);
  if (it == families_.end()) return;
  Do({family, -1, {}, 0, it->second.damaged > 0 ? -1 : 0});
}

bool SharedValues::Holds(const FamilyKey& family, const Digest& value) const {
  const auto it = families_.find(family);
  return it != families_.end() && it->second.holders.contains(value);
}

std::optional<std::vector<Digest>> SharedValues::Held(
    const FamilyKey& family) const {
  std::vector<Digest> held;
  const auto it = families_.find(family);
  if (it == families_.end()) return held;
  if (it->second.damaged > 0) return std::nullopt;
  for (const auto& [value, holders] : it->second.holders) {
    held.push_back(value);
  }
  std::sort(held.begin(), held.end());
  return held;
}

void SharedValues::Keep() { ForgetSingles(); }

void SharedValues::Revert() {
  const std::vector<Change> changes = changes_;
  for (auto it = changes.rbegin(); it != changes.rend(); ++it) {
    Do({it->family, -it->sessions, it->value, -it->holders, -it->damaged});
  }
  ForgetSingles();
}

void SharedValues::Do(const Change& change) {
  Family& family = families_[change.family];
  family.sessions += change.sessions;
  family.damaged += change.damaged;
  if (change.holders != 0) {
    int64_t& holders = family.holders[change.value];
    holders += change.holders;
    if (holders == 0) family.holders.erase(change.value);
  }
  changes_.push_back(change);
}

void SharedValues::ForgetSingles() {
  for (const Change& change : changes_) {
    const auto it = families_.find(change.family);
    if (it != families_.end() && it->second.sessions <= 1) families_.erase(it);
  }
  changes_.clear();
}

}  // namespace mneme
