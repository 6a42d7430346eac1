#include "server/session/prefix_index.h"

namespace mneme {

void PrefixIndex::Add(PrefixKey key, const std::shared_ptr<Session>& session) {
  MutexLock lock(&mu_);
  const auto [it, added] = entries_.try_emplace(std::move(key));
  it->second.session = session;
  if (!added) return order_.splice(order_.begin(), order_, it->second.at);
  it->second.at = order_.insert(order_.begin(), &it->first);
  if (static_cast<int64_t>(entries_.size()) > limit_) {
    Remove(entries_.find(*order_.back()));
  }
}

std::shared_ptr<Session> PrefixIndex::Find(const PrefixKey& key) {
  MutexLock lock(&mu_);
  const auto it = entries_.find(key);
  if (it == entries_.end()) return nullptr;
  std::shared_ptr<Session> session = it->second.session.lock();
  if (session == nullptr) {
    Remove(it);
  } else {
    order_.splice(order_.begin(), order_, it->second.at);
  }
  return session;
}

void PrefixIndex::Drop(const PrefixKey& key) {
  MutexLock lock(&mu_);
  const auto it = entries_.find(key);
  if (it != entries_.end()) Remove(it);
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
