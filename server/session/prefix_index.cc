#include "server/session/prefix_index.h"

namespace mneme {

void PrefixIndex::Add(PrefixKey key, const std::shared_ptr<Session>& session) {
  MutexLock lock(&mu_);
  const auto [it, added] = entries_.try_emplace(std::move(key));
  Entry& entry = it->second;
  (entry.first.expired() ? entry.first : entry.last) = session;
  if (!added) return order_.splice(order_.begin(), order_, entry.at);
  entry.at = order_.insert(order_.begin(), &it->first);
  if (static_cast<int64_t>(entries_.size()) > limit_) {
    Remove(entries_.find(*order_.back()));
  }
}

PrefixIndex::Lenders PrefixIndex::Find(const PrefixKey& key) {
  Lenders lenders;
  MutexLock lock(&mu_);
  const auto it = entries_.find(key);
  if (it == entries_.end()) return lenders;
  for (const auto* known : {&it->second.last, &it->second.first}) {
    std::shared_ptr<Session> session = known->lock();
    if (session != nullptr) lenders.push_back(std::move(session));
  }
  if (lenders.empty()) {
    Remove(it);
  } else {
    order_.splice(order_.begin(), order_, it->second.at);
  }
  return lenders;
}

void PrefixIndex::Drop(const PrefixKey& key,
                       const std::shared_ptr<Session>& session) {
  MutexLock lock(&mu_);
  const auto it = entries_.find(key);
  if (it == entries_.end()) return;
  Entry& entry = it->second;
  for (auto* known : {&entry.first, &entry.last}) {
    // Not by lock(): its reference could be the last.
    if (!known->owner_before(session) && !session.owner_before(*known)) {
      known->reset();
    }
  }
  if (entry.first.expired() && entry.last.expired()) Remove(it);
}

int64_t PrefixIndex::size() const {
  MutexLock lock(&mu_);
  return static_cast<int64_t>(entries_.size());
}

void PrefixIndex::Remove(Entries::iterator entry) {
  order_.erase(entry->second.at);
  entries_.erase(entry);
}

}  // namespace mneme
