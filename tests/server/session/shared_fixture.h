#ifndef MNEME_TESTS_SERVER_SESSION_SHARED_FIXTURE_H_
#define MNEME_TESTS_SERVER_SESSION_SHARED_FIXTURE_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "server/schedule/scheduler.h"
#include "server/session/session_manager.h"
#include "server/store/redis_store.h"
#include "tests/server/session/fake_streams.h"
#include "tests/server/store/redis_server.h"
#include "tests/testing/fake_model.h"
#include "tests/testing/pending.h"
#include "tests/testing/status_matchers.h"

namespace mneme {

// One server of several on a Redis: all from the store to the sessions, with a
// FakeModel of segment size 4. Its calls wait for their answers. Thread-safe.
class SharingServer : public SessionObserver, public BatchObserver {
 public:
  // `clock` is not owned and outlives the server.
  SharingServer(const RedisStore::Options& options, const SessionLimits& limits,
                Clock* clock = Clock::Real());
  ~SharingServer() override;

  absl::StatusOr<SessionInfo> Open(const std::string& id,
                                   SessionManager::OpenRequest request = {});
  // A message of these tokens, without `at` to where the session stands.
  absl::StatusOr<SegmentReply> Send(const std::string& id,
                                    std::optional<Position> at,
                                    std::vector<int32_t> tokens);
  Pending<absl::StatusOr<SegmentReply>> Begin(const std::string& id,
                                              std::optional<Position> at,
                                              std::vector<int32_t> tokens);
  absl::StatusOr<SessionInfo> Get(const std::string& id);
  absl::StatusOr<SessionInfo> Touch(const std::string& id, TouchChange change);
  absl::StatusOr<SessionInfo> Rollback(const std::string& id,
                                       const MemoryHandle& to);
  absl::StatusOr<SessionInfo> Fork(const std::string& id,
                                   const std::string& fork_id);
  absl::StatusOr<MemoryHandle> Close(const std::string& id);
  absl::StatusOr<MemoryHandle> Erase(const std::string& id);
  absl::StatusOr<SessionManager::Page> List(const std::string& after,
                                            size_t limit,
                                            const std::string& prefix = "");

  FakeModel& model() { return model_; }
  SessionManager& manager() { return *manager_; }
  int taken_over() const { return taken_over_; }
  int released() const { return released_; }

  void OnBatch(const ModelSpec&, int64_t, int64_t, absl::Duration) override {}
  void OnSegment(absl::string_view, const AppliedSegment&) override {}
  void OnRequest(const absl::Status&, absl::Duration) override {}
  void OnTakeover(const absl::Status& status) override {
    taken_over_ += status.ok();
  }
  void OnReleased() override { ++released_; }

 private:
  FakeModel model_{4};
  std::atomic<int> taken_over_ = 0;
  std::atomic<int> released_ = 0;
  std::unique_ptr<RedisStore> store_;
  std::unique_ptr<StoreWriter> writer_;
  std::unique_ptr<Scheduler> scheduler_;
  MemoryTiers tiers_;
  std::unique_ptr<SessionManager> manager_;
};

class SharedTest : public ::testing::Test, protected FakeStreams {
 protected:
  SharedTest() {
    options_.address = redis_.address();
    options_.lease = absl::Milliseconds(20);
    // More than it takes to make a session where many tests run.
    options_.look_after = absl::Milliseconds(500);
    limits_.takeover_wait = absl::Seconds(30);
  }

  std::unique_ptr<SharingServer> Serve() {
    return std::make_unique<SharingServer>(options_, limits_);
  }

  // Whether it comes true within a minute.
  template <typename Condition>
  static bool Await(Condition condition) {
    const absl::Duration end = Clock::Real()->Monotonic() + absl::Minutes(1);
    while (Clock::Real()->Monotonic() < end) {
      if (condition()) return true;
      std::this_thread::yield();
    }
    return false;
  }

  RedisServer redis_;
  RedisStore::Options options_;
  SessionLimits limits_;
};

}  // namespace mneme

#endif  // MNEME_TESTS_SERVER_SESSION_SHARED_FIXTURE_H_
