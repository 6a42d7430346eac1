#include "server/session/expiry_queue.h"

#include <utility>

namespace mneme {

ExpiryQueue::ExpiryQueue(Due due, Clock* clock)
    : due_(std::move(due)), clock_(clock), thread_([this] { Loop(); }) {}

ExpiryQueue::~ExpiryQueue() { Stop(); }

void ExpiryQueue::Stop() {
  {
    MutexLock lock(&mu_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void ExpiryQueue::Set(const SessionKey& key, absl::Duration deadline) {
  if (deadline == absl::InfiniteDuration()) {
    Erase(key);
    return;
  }
  bool first;
  {
    MutexLock lock(&mu_);
    const auto [entry, added] = entries_.try_emplace(key);
    if (!added) order_.erase(entry->second);
    entry->second = order_.emplace(deadline, &entry->first);
    first = entry->second == order_.begin();
  }
  if (first) wake_.notify_one();
}

void ExpiryQueue::Erase(const SessionKey& key) {
  MutexLock lock(&mu_);
  const auto entry = entries_.find(key);
  if (entry == entries_.end()) return;
  order_.erase(entry->second);
  entries_.erase(entry);
}

size_t ExpiryQueue::size() const {
  MutexLock lock(&mu_);
  return entries_.size();
}

void ExpiryQueue::Loop() {
  while (const std::optional<SessionKey> key = TakeDue()) due_(*key);
}

std::optional<SessionKey> ExpiryQueue::TakeDue() {
  MutexLock lock(&mu_);
  while (!stopping_) {
    const auto first = order_.begin();
    const absl::Duration next =
        first == order_.end() ? absl::InfiniteDuration() : first->first;
    if (clock_->Monotonic() >= next) {
      auto entry = entries_.extract(*first->second);
      order_.erase(first);
      return std::move(entry.key());
    }
    clock_->WaitUntil(lock, wake_, next);
  }
  return std::nullopt;
}

}  // namespace mneme
