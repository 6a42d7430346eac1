#include "server/session/admission.h"

#include "absl/strings/str_cat.h"
#include "server/base/error_info.h"

namespace mneme {

absl::Status Admission::Enter() {
  MutexLock lock(&mu_);
  if (messages_ >= max_messages_) {
    ErrorInfo info;
    info.reason = "QUEUE_FULL";
    info.retry_after = absl::Milliseconds(100);
    return MakeError(
        absl::StatusCode::kResourceExhausted,
        absl::StrCat("the server is full: ", messages_, " messages are in it"),
        info);
  }
  ++messages_;
  return absl::OkStatus();
}

void Admission::Leave() {
  MutexLock lock(&mu_);
  --messages_;
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
  return messages_;
}

}  // namespace mneme
