#include "server/session/alarms.h"

#include <utility>

namespace mneme {

Alarms::Alarms(Clock* clock) : clock_(clock), thread_([this] { Loop(); }) {}

Alarms::~Alarms() { Stop(); }

void Alarms::Set(absl::Duration at, Ring ring) {
  bool stopping;
  {
    MutexLock lock(&mu_);
    stopping = stopping_;
    if (!stopping) rings_.emplace(at, std::move(ring));
  }
  stopping ? std::move(ring)() : wake_.notify_one();
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
