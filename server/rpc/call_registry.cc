#include "server/rpc/call_registry.h"

#include <utility>

namespace mneme {

CallRegistry::Ticket::Ticket(Ticket&& other) noexcept
    : registry_(std::exchange(other.registry_, nullptr)), id_(other.id_) {}

CallRegistry::Ticket& CallRegistry::Ticket::operator=(Ticket&& other) noexcept {
  std::swap(registry_, other.registry_);
  std::swap(id_, other.id_);
  return *this;
}

CallRegistry::Ticket::~Ticket() {
  if (registry_ != nullptr) registry_->Leave(id_);
}

CallRegistry::Ticket CallRegistry::Enter() {
  MutexLock lock(&mu_);
  ++calls_;
  return Ticket(this, 0);
}

CallRegistry::Ticket CallRegistry::Enter(
    const std::shared_ptr<Drainable>& stream) {
  uint64_t id = 0;
  bool drain = false;
  {
    MutexLock lock(&mu_);
    ++calls_;
    id = next_id_++;
    streams_.emplace(id, stream);
    drain = draining_;
  }
  if (drain) stream->Drain();
  return Ticket(this, id);
}

void CallRegistry::Leave(uint64_t id) {
  MutexLock lock(&mu_);
  streams_.erase(id);
  if (--calls_ == 0) empty_.notify_all();
}

bool CallRegistry::draining() const {
  MutexLock lock(&mu_);
  return draining_;
}

void CallRegistry::StartDrain() {
  std::vector<std::shared_ptr<Drainable>> streams;
  {
    MutexLock lock(&mu_);
    draining_ = true;
    streams = Live();
  }
  for (const auto& stream : streams) stream->Drain();
}

void CallRegistry::CutOff() {
  std::vector<std::shared_ptr<Drainable>> streams;
  {
    MutexLock lock(&mu_);
    streams = Live();
  }
  for (const auto& stream : streams) stream->CutOff();
}

std::vector<std::shared_ptr<CallRegistry::Drainable>> CallRegistry::Live()
    const {
  std::vector<std::shared_ptr<Drainable>> streams;
  for (const auto& [id, stream] : streams_) {
    if (auto live = stream.lock()) streams.push_back(std::move(live));
  }
  return streams;
}

bool CallRegistry::WaitEmpty(Clock* clock, absl::Duration deadline) {
  MutexLock lock(&mu_);
  while (calls_ > 0 && clock->Monotonic() < deadline) {
    clock->WaitUntil(lock, empty_, deadline);
  }
  return calls_ == 0;
}

CallRegistry::Stats CallRegistry::stats() const {
  MutexLock lock(&mu_);
  Stats stats;
  stats.calls = calls_;
  stats.streams = static_cast<int64_t>(streams_.size());
  stats.messages = messages_.load(std::memory_order_relaxed);
  stats.replies = replies_.load(std::memory_order_relaxed);
  stats.draining = draining_;
  return stats;
}

}  // namespace mneme
