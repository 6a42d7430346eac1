#include "server/store/scrubber.h"

#include <utility>

#include "server/base/kill_point.h"

namespace mneme {

Scrubber::~Scrubber() {
  {
    MutexLock lock(&mu_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Scrubber::Scrub(Done done) {
  {
    MutexLock lock(&mu_);
    asked_.push_back(std::move(done));
  }
  wake_.notify_one();
}

void Scrubber::Loop() {
  for (std::vector<Done> dones = TakeAll(); !dones.empty(); dones = TakeAll()) {
    KillPoint("before_scrub");
    const absl::Status status = store_->Scrub();
    for (Done& done : dones) std::move(done)(status);
  }
}

std::vector<Scrubber::Done> Scrubber::TakeAll() {
  std::vector<Done> taken;
  MutexLock lock(&mu_);
  while (asked_.empty() && !stopping_) lock.Wait(wake_);
  taken.swap(asked_);
  return taken;
}

}  // namespace mneme
