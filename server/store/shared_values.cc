#include "server/store/shared_values.h"

namespace mneme {

void SharedValues::Load(const FamilyKey& family,
                        const std::vector<Digest>& values) {
  Family& loaded = families_[family];
  ++loaded.sessions;
  for (const Digest& value : values) ++loaded.holders[value];
}

void SharedValues::Join(const FamilyKey& family,
                        const std::vector<Digest>& parent_values,
                        const std::vector<Digest>& values) {
  if (!families_.contains(family)) {
    Do({family, 1, {}, 0});
    for (const Digest& value : parent_values) Do({family, 0, value, 1});
  }
  Do({family, 1, {}, 0});
  for (const Digest& value : values) Do({family, 0, value, 1});
}

bool SharedValues::Add(const FamilyKey& family, const Digest& value) {
  if (!families_.contains(family)) return true;
  const bool first = !Holds(family, value);
  Do({family, 0, value, 1});
  return first;
}

bool SharedValues::Drop(const FamilyKey& family, const Digest& value) {
  if (!families_.contains(family)) return true;
  Do({family, 0, value, -1});
  return !Holds(family, value);
}

void SharedValues::Leave(const FamilyKey& family) {
  if (families_.contains(family)) Do({family, -1, {}, 0});
}

bool SharedValues::Holds(const FamilyKey& family, const Digest& value) const {
  const auto it = families_.find(family);
  return it != families_.end() && it->second.holders.contains(value);
}

void SharedValues::Keep() { ForgetSingles(); }

void SharedValues::Revert() {
  const std::vector<Change> changes = changes_;
  for (auto it = changes.rbegin(); it != changes.rend(); ++it) {
    Do({it->family, -it->sessions, it->value, -it->holders});
  }
  ForgetSingles();
}

void SharedValues::Do(const Change& change) {
  Family& family = families_[change.family];
  family.sessions += change.sessions;
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
