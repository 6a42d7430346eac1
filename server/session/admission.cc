#include "server/session/admission.h"

namespace mneme {

absl::Status Admission::Enter(absl::string_view tenant) {
  MutexLock lock(&mu_);
  return room_.Enter(tenant);
}

void Admission::Leave(absl::string_view tenant) {
  MutexLock lock(&mu_);
  room_.Leave(tenant);
}

void Admission::Begin() {
  MutexLock lock(&mu_);
  ++begun_;
}

void Admission::End() {
  MutexLock lock(&mu_);
  if (--begun_ == 0) idle_.notify_all();
}

bool Admission::WaitIdle(absl::Duration deadline) {
  MutexLock lock(&mu_);
  while (begun_ > 0) {
    if (clock_->Monotonic() >= deadline) return false;
    clock_->WaitUntil(lock, idle_, deadline);
  }
  return true;
}

int64_t Admission::messages() const {
  MutexLock lock(&mu_);
  return room_.size();
}

}  // namespace mneme
