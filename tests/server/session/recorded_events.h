#ifndef MNEME_TESTS_SERVER_SESSION_RECORDED_EVENTS_H_
#define MNEME_TESTS_SERVER_SESSION_RECORDED_EVENTS_H_

#include <condition_variable>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "server/base/mutex.h"
#include "server/session/session_events.h"
#include "server/session/session_manager.h"
#include "tests/testing/pending.h"

namespace mneme {

// A watcher that writes down what it is told. Thread-safe.
class RecordedEvents : public SessionWatcher {
 public:
  void OnEvent(const SessionEvent& event) override ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    events_.push_back(event);
    changed_.notify_all();
  }
  void OnMissed() override ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    missed_ = true;
    changed_.notify_all();
  }

  // "s idle_ttl", "s moved": the first so many, once it was told of them.
  std::vector<std::string> Await(size_t count) ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    while (events_.size() < count) lock.Wait(changed_);
    std::vector<std::string> texts;
    for (size_t i = 0; i < count; ++i) texts.push_back(Text(events_[i]));
    return texts;
  }
  // All of them so far.
  std::vector<std::string> texts() const ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    std::vector<std::string> texts;
    for (const SessionEvent& event : events_) texts.push_back(Text(event));
    return texts;
  }
  std::vector<SessionEvent> events() const ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    return events_;
  }
  void AwaitMissed() ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    while (!missed_) lock.Wait(changed_);
  }

 private:
  static std::string Text(const SessionEvent& event) {
    return absl::StrCat(
        event.key.session_id, " ",
        event.end.has_value() ? EndReasonName(*event.end) : "moved");
  }

  mutable Mutex mu_;
  std::condition_variable changed_;
  std::vector<SessionEvent> events_ ABSL_GUARDED_BY(mu_);
  bool missed_ ABSL_GUARDED_BY(mu_) = false;
};

// Until the subscription is let go.
inline absl::StatusOr<std::shared_ptr<SessionEvents::Subscription>> Watch(
    SessionManager* manager, SessionFilter filter,
    std::shared_ptr<RecordedEvents> watcher) {
  using Watching = absl::StatusOr<std::shared_ptr<SessionEvents::Subscription>>;
  Pending<Watching> watching;
  manager->Watch(
      std::move(filter), std::move(watcher),
      [set = watching.Setter()](
          absl::StatusOr<SessionEvents::Subscription> subscription) mutable {
        subscription.ok() ? set(std::make_shared<SessionEvents::Subscription>(
                                *std::move(subscription)))
                          : set(subscription.status());
      });
  return watching.Get();
}

}  // namespace mneme

#endif  // MNEME_TESTS_SERVER_SESSION_RECORDED_EVENTS_H_
