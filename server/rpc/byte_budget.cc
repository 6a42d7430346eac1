#include "server/rpc/byte_budget.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/error_info.h"

namespace mneme {

ByteBudget::Charge::Charge(Charge&& other) noexcept
    : budget_(std::exchange(other.budget_, nullptr)),
      bytes_(std::exchange(other.bytes_, 0)) {}

ByteBudget::Charge& ByteBudget::Charge::operator=(Charge&& other) noexcept {
  std::swap(budget_, other.budget_);
  std::swap(bytes_, other.bytes_);
  Charge old = std::move(other);
  return *this;
}

ByteBudget::Charge::~Charge() {
  if (budget_ != nullptr) budget_->GiveBack(bytes_);
}

void ByteBudget::Charge::ShrinkTo(int64_t bytes) {
  if (budget_ == nullptr || bytes >= bytes_) return;
  budget_->GiveBack(bytes_ - bytes);
  bytes_ = bytes;
}

absl::StatusOr<ByteBudget::Charge> ByteBudget::Take(int64_t bytes) {
  if (TryTake(bytes)) return Charge(this, bytes);
  ErrorInfo info;
  info.reason = "QUEUE_FULL";
  info.retry_after = absl::Milliseconds(100);
  return MakeError(
      absl::StatusCode::kResourceExhausted,
      absl::StrCat("the server is full: a message and its reply of up to ",
                   bytes, " bytes do not fit into what is left of ", limit_),
      info);
}

bool ByteBudget::TryTake(int64_t bytes) {
  MutexLock lock(&mu_);
  if (used_ > 0 && bytes > limit_ - used_) return false;
  used_ += bytes;
  return true;
}

void ByteBudget::GiveBack(int64_t bytes) {
  MutexLock lock(&mu_);
  used_ -= bytes;
}

int64_t ByteBudget::used() const {
  MutexLock lock(&mu_);
  return used_;
}

}  // namespace mneme
