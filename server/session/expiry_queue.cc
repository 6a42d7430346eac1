#include "server/session/expiry_queue.h"

#include <utility>

namespace mneme {
namespace {

// Never early, so that what is due has ended.
int64_t UpToNanos(absl::Duration deadline) {
  const int64_t nanos = absl::ToInt64Nanoseconds(deadline);
  return nanos + (absl::Nanoseconds(nanos) < deadline &&
                  nanos < std::numeric_limits<int64_t>::max());
}

absl::Duration FromNanos(int64_t nanos) {
  return nanos == std::numeric_limits<int64_t>::min()
             ? -absl::InfiniteDuration()
             : absl::Nanoseconds(nanos);
}

}  // namespace

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

void ExpiryQueue::Set(const std::shared_ptr<Expirable>& session,
                      absl::Duration deadline) {
  const int64_t due = UpToNanos(deadline);
  bool first;
  {
    MutexLock lock(&mu_);
    Remove(session);
    if (due == Expirable::kNever) return;
    session->due_ = due;
    const auto added = order_.insert(Entry{due, session}).first;
    first = added == order_.begin();
  }
  if (first) wake_.notify_one();
}

void ExpiryQueue::Erase(const std::shared_ptr<Expirable>& session) {
  MutexLock lock(&mu_);
  Remove(session);
}

void ExpiryQueue::Remove(const std::shared_ptr<Expirable>& session) {
  if (session->due_ == Expirable::kNever) return;
  order_.erase(Entry{session->due_, session});
  session->due_ = Expirable::kNever;
}

size_t ExpiryQueue::size() const {
  MutexLock lock(&mu_);
  return order_.size();
}

void ExpiryQueue::Loop() {
  while (const auto session = TakeDue()) due_(session->key());
}

std::shared_ptr<Expirable> ExpiryQueue::TakeDue() {
  MutexLock lock(&mu_);
  while (!stopping_) {
    const auto first = order_.begin();
    const absl::Duration next = first == order_.end() ? absl::InfiniteDuration()
                                                      : FromNanos(first->due);
    if (clock_->Monotonic() < next) {
      clock_->WaitUntil(lock, wake_, next);
      continue;
    }
    auto session = first->session.lock();
    order_.erase(first);
    if (session == nullptr) continue;
    session->due_ = Expirable::kNever;
    return session;
  }
  return nullptr;
}

}  // namespace mneme
