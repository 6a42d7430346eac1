#ifndef MNEME_TESTS_SERVER_SESSION_LINEARIZABILITY_CLIENT_H_
#define MNEME_TESTS_SERVER_SESSION_LINEARIZABILITY_CLIENT_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "server/base/mutex.h"
#include "server/session/session_manager.h"
#include "tests/server/session/linearizability_model.h"

namespace mneme {

// What callers that race share: the clock of the history, and the sessions that
// there are. Thread-safe.
class RacedSessions {
 public:
  struct Member {
    MemoryHandle start;
    std::string parent;  // "": opened
  };

  int64_t Tick() { return ++now_; }
  void Add(Member member) ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<Member> all() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  std::atomic<int64_t> now_{0};
  mutable Mutex mu_;
  std::vector<Member> members_ ABSL_GUARDED_BY(mu_);  // parents first
};

// One caller: seeded messages, rollbacks and forks, from where it believes a
// session to be or from what it once was. It loses replies, gives up waiting,
// and sends the same once more. Used by one thread.
class RacingClient {
 public:
  // None is owned. `name` is the caller's among those that race.
  RacingClient(SessionManager* manager, RacedSessions* sessions,
               const std::string& name, uint32_t seed)
      : manager_(manager), sessions_(sessions), name_(name), random_(seed) {}

  void Make(int calls);
  // All that it did, by session.
  std::vector<std::pair<std::string, Operation>>& operations() {
    return operations_;
  }

 private:
  // What it knows of a session.
  struct Belief {
    std::string id;
    MemoryHandle head;
    std::vector<MemoryHandle> handles;  // that were, at some time
  };

  Belief& Pick();
  void Process(Belief& belief);
  void Rollback(Belief& belief);
  void Fork(Belief& belief);

  // Each sends a call once and returns what became of it.
  Operation SendProcess(Operation call, bool asks, Belief& belief);
  Operation SendRollback(Operation call, Belief& belief);
  Operation SendFork(Operation call, const std::string& fork, Belief& belief);
  // What a call came to that was not OK.
  void ReadRefusal(const absl::Status& status, Operation& call, Belief& belief);
  void ReadReply(const SegmentReply& reply, Operation& call, Belief& belief);

  // Sends it until there is an answer that is not lost.
  template <typename Send>
  void SendUntilAnswered(const Belief& belief, const Send& send);
  void CancelSometime(Cursor& cursor, const Belief& belief);
  static void Learn(const MemoryHandle& head, Belief& belief);
  uint32_t Draw(size_t end) {
    return static_cast<uint32_t>(random_() % static_cast<uint32_t>(end));
  }
  const MemoryHandle& DrawHandle(const Belief& belief) {
    return belief.handles[Draw(belief.handles.size())];
  }

  SessionManager* const manager_;
  RacedSessions* const sessions_;
  const std::string name_;
  std::mt19937 random_;
  std::map<std::string, Belief> beliefs_;
  std::vector<std::pair<std::string, Operation>> operations_;
};

}  // namespace mneme

#endif  // MNEME_TESTS_SERVER_SESSION_LINEARIZABILITY_CLIENT_H_
