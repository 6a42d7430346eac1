#ifndef MNEME_TESTS_SERVER_STORE_GATED_STORE_H_
#define MNEME_TESTS_SERVER_STORE_GATED_STORE_H_

#include <algorithm>
#include <condition_variable>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "server/base/mutex.h"
#include "server/store/in_process_store.h"
#include "server/store/memory_store.h"

namespace mneme {

// An InProcessStore whose Apply waits while the gate is closed, and which
// writes down what it is asked, so that a test decides what queues up behind a
// write. Thread-safe.
class GatedStore : public MemoryStore {
 public:
  void Close() ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    open_ = false;
  }
  void Open() ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    open_ = true;
    changed_.notify_all();
  }
  // Returns when an Apply waits at the gate.
  void AwaitArrival() ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    while (!waiting_) lock.Wait(changed_);
  }
  // "apply a b", "get a 0" (a reply), "get value", "remove a", "flush", in
  // order.
  std::vector<std::string> calls() const ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    return calls_;
  }
  // Returns when there were so many probes.
  void AwaitProbes(int count) ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    while (std::count(calls_.begin(), calls_.end(), "probe") < count) {
      lock.Wait(changed_);
    }
  }
  // From now on every commit, and a probe, gets this status instead of being
  // applied. OK: they are applied again.
  void FailWith(absl::Status status) ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    failure_ = std::move(status);
  }

  // The next group is applied, and its commits get this status all the same.
  void LoseAnswerWith(absl::Status status) ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    lost_answer_ = std::move(status);
  }
  void FailInParts() ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    fails_in_parts_ = true;
  }
  // Removals get this status instead of being done.
  void FailRemovesWith(absl::Status status) ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    remove_failure_ = std::move(status);
  }
  // Returns when it was called so.
  void AwaitCall(const std::string& call) ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    while (std::find(calls_.begin(), calls_.end(), call) == calls_.end()) {
      lock.Wait(changed_);
    }
  }

  std::vector<absl::Status> Apply(std::vector<Commit> commits) override
      ABSL_LOCKS_EXCLUDED(mu_) {
    std::string call = "apply";
    for (const Commit& commit : commits) {
      absl::StrAppend(&call, " ", commit.record.session.session_id);
    }
    absl::Status failure;
    {
      MutexLock lock(&mu_);
      calls_.push_back(std::move(call));
      waiting_ = true;
      changed_.notify_all();
      while (!open_) lock.Wait(changed_);
      waiting_ = false;
      failure = failure_;
    }
    if (!failure.ok()) return {commits.size(), failure};
    const size_t size = commits.size();
    std::vector<absl::Status> statuses = store_.Apply(std::move(commits));
    MutexLock lock(&mu_);
    if (lost_answer_.ok()) return statuses;
    return {size, std::exchange(lost_answer_, absl::OkStatus())};
  }

  absl::StatusOr<std::string> GetValue(const ValueKey& key) const override
      ABSL_LOCKS_EXCLUDED(mu_) {
    Note("get value");
    return store_.GetValue(key);
  }
  absl::StatusOr<std::string> GetReply(const ReplyKey& key) const override
      ABSL_LOCKS_EXCLUDED(mu_) {
    Note(absl::StrCat("get ", key.session.session_id, " ", key.step));
    return store_.GetReply(key);
  }
  absl::Status Remove(const SessionKey& session,
                      const std::string& tombstone) override
      ABSL_LOCKS_EXCLUDED(mu_) {
    Note(absl::StrCat("remove ", session.session_id));
    {
      MutexLock lock(&mu_);
      if (!remove_failure_.ok()) return remove_failure_;
    }
    return store_.Remove(session, tombstone);
  }
  absl::StatusOr<Reloaded> Reload(const ReloadRequest& request) override
      ABSL_LOCKS_EXCLUDED(mu_) {
    Note(absl::StrCat("reload ", request.session.session_id));
    {
      MutexLock lock(&mu_);
      if (!failure_.ok()) return failure_;
    }
    return store_.Reload(request);
  }
  absl::Status RemoveTombstone(const SessionKey& session) override {
    return store_.RemoveTombstone(session);
  }
  absl::Status Flush() override ABSL_LOCKS_EXCLUDED(mu_) {
    Note("flush");
    return store_.Flush();
  }
  bool fails_in_parts() const override ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    return fails_in_parts_;
  }
  absl::Status Probe() override ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    calls_.emplace_back("probe");
    changed_.notify_all();
    return failure_;
  }
  absl::StatusOr<Records> LoadRecords() const override {
    return store_.LoadRecords();
  }

 private:
  void Note(std::string call) const ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    calls_.push_back(std::move(call));
    changed_.notify_all();
  }

  InProcessStore store_;
  mutable Mutex mu_;
  mutable std::condition_variable changed_;
  absl::Status remove_failure_ ABSL_GUARDED_BY(mu_);
  bool fails_in_parts_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status lost_answer_ ABSL_GUARDED_BY(mu_);
  mutable std::vector<std::string> calls_ ABSL_GUARDED_BY(mu_);
  absl::Status failure_ ABSL_GUARDED_BY(mu_);
  bool open_ ABSL_GUARDED_BY(mu_) = true;
  bool waiting_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace mneme

#endif  // MNEME_TESTS_SERVER_STORE_GATED_STORE_H_
