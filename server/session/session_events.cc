#include "server/session/session_events.h"

#include <vector>

namespace mneme {

SessionEvents::Subscription::Subscription(Subscription&& other) noexcept
    : events_(std::exchange(other.events_, nullptr)),
      id_(std::move(other.id_)) {}

SessionEvents::Subscription& SessionEvents::Subscription::operator=(
    Subscription&& other) noexcept {
  std::swap(events_, other.events_);
  std::swap(id_, other.id_);
  return *this;
}

SessionEvents::Subscription::~Subscription() {
  if (events_ != nullptr) events_->Remove(id_);
}

SessionEvents::Subscription SessionEvents::Add(
    SessionFilter filter, std::weak_ptr<SessionWatcher> watcher) {
  MutexLock lock(&mu_);
  Subscription::Id id = {std::move(filter.tenant), next_++};
  entries_.emplace(id,
                   Entry{std::move(filter.session_ids), std::move(watcher)});
  return Subscription(this, std::move(id));
}

void SessionEvents::Publish(const SessionEvent& event) {
  std::vector<std::shared_ptr<SessionWatcher>> watchers;
  {
    MutexLock lock(&mu_);
    auto it = entries_.lower_bound({event.key.tenant, 0});
    for (; it != entries_.end() && it->first.first == event.key.tenant; ++it) {
      const Entry& entry = it->second;
      if (!entry.session_ids.empty() &&
          !entry.session_ids.contains(event.key.session_id)) {
        continue;
      }
      if (auto watcher = entry.watcher.lock()) {
        watchers.push_back(std::move(watcher));
      }
    }
  }
  for (const auto& watcher : watchers) watcher->OnEvent(event);
}

void SessionEvents::PublishMissed() {
  std::vector<std::shared_ptr<SessionWatcher>> watchers;
  {
    MutexLock lock(&mu_);
    for (const auto& [id, entry] : entries_) {
      if (auto watcher = entry.watcher.lock()) {
        watchers.push_back(std::move(watcher));
      }
    }
  }
  for (const auto& watcher : watchers) watcher->OnMissed();
}

bool SessionEvents::watched() const {
  MutexLock lock(&mu_);
  return !entries_.empty();
}

void SessionEvents::Remove(const Subscription::Id& id) {
  MutexLock lock(&mu_);
  entries_.erase(id);
}

}  // namespace mneme
