#include "server/session/alarms.h"

#include <utility>

namespace mneme {

Alarms::Alarms(Clock* clock) : clock_(clock), thread_([this] { Loop(); }) {}

Alarms::~Alarms() { Stop(); }

void Alarms::Set(absl::Duration at, Ring ring) {
  if (Add(at, &ring)) {
    wake_.notify_one();
  } else {
    std::move(ring)();
  }
}

bool Alarms::Add(absl::Duration at, Ring* ring) {
  MutexLock lock(&mu_);
  if (stopping_) return false;
  rings_.emplace(at, std::move(*ring));
  return true;
}

void Alarms::Stop() {
  {
    MutexLock lock(&mu_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Alarms::Loop() {
  while (Ring ring = TakeNext()) std::move(ring)();
}

Alarms::Ring Alarms::TakeNext() {
  MutexLock lock(&mu_);
  while (true) {
    const bool empty = rings_.empty();
    if (empty && stopping_) return nullptr;
    const absl::Duration next =
        empty ? absl::InfiniteDuration() : rings_.begin()->first;
    if (stopping_ || clock_->Monotonic() >= next) {
      return std::move(rings_.extract(rings_.begin()).mapped());
    }
    clock_->WaitUntil(lock, wake_, next);
  }
}

}  // namespace mneme
