#include "server/rpc/call_registry.h"

#include <algorithm>
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

CallRegistry::Ticket CallRegistry::Enter(const std::shared_ptr<Call>& call,
                                         Kind kind) {
  uint64_t id = 0;
  bool drain = false;
  bool cut_off = false;
  {
    MutexLock lock(&mu_);
    id = next_id_++;
    calls_.emplace(id, Entry{call, kind});
    drain = draining_;
    cut_off = cut_off_;
  }
  if (drain) call->Drain();
  if (cut_off) call->CutOff();
  return Ticket(this, id);
}

void CallRegistry::Leave(uint64_t id) {
  MutexLock lock(&mu_);
  calls_.erase(id);
  if (calls_.empty()) empty_.notify_all();
}

bool CallRegistry::draining() const {
  MutexLock lock(&mu_);
  return draining_;
}

void CallRegistry::StartDrain() {
  std::vector<std::shared_ptr<Call>> calls;
  {
    MutexLock lock(&mu_);
    draining_ = true;
    calls = Live();
  }
  for (const auto& call : calls) call->Drain();
}

void CallRegistry::CutOff() {
  std::vector<std::shared_ptr<Call>> calls;
  {
    MutexLock lock(&mu_);
    cut_off_ = true;
    calls = Live();
  }
  for (const auto& call : calls) call->CutOff();
}

std::vector<std::shared_ptr<CallRegistry::Call>> CallRegistry::Live() const {
  std::vector<std::shared_ptr<Call>> calls;
  for (const auto& [id, entry] : calls_) {
    if (auto live = entry.call.lock()) calls.push_back(std::move(live));
  }
  return calls;
}

bool CallRegistry::WaitEmpty(Clock* clock, absl::Duration deadline) {
  MutexLock lock(&mu_);
  while (!calls_.empty() && clock->Monotonic() < deadline) {
    clock->WaitUntil(lock, empty_, deadline);
  }
  return calls_.empty();
}

CallRegistry::Stats CallRegistry::stats() const {
  MutexLock lock(&mu_);
  Stats stats;
  stats.calls = static_cast<int64_t>(calls_.size());
  stats.streams = std::count_if(
      calls_.begin(), calls_.end(),
      [](const auto& call) { return call.second.kind == Kind::kStream; });
  stats.messages = messages_.load(std::memory_order_relaxed);
  stats.replies = replies_.load(std::memory_order_relaxed);
  stats.draining = draining_;
  return stats;
}

}  // namespace mneme
