#ifndef MNEME_SERVER_RPC_CALL_REGISTRY_H_
#define MNEME_SERVER_RPC_CALL_REGISTRY_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"

namespace mneme {

// The open RPCs, whose end a shutdown waits for and, when its time is over,
// brings about. Owned by the server; outlives the calls.
//
// Thread-safe. Drain() and CutOff() of calls are called with no lock held.
class CallRegistry {
 public:
  enum class Kind { kUnary, kStream };

  class Call {
   public:
    virtual ~Call() = default;
    // Stop reading, and end when what was read is answered.
    virtual void Drain() = 0;
    // End now, with what is answered already. After Drain().
    virtual void CutOff() = 0;
  };

  // Counts a call while it lives. Movable; empty after a move.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(CallRegistry* registry, uint64_t id)
        : registry_(registry), id_(id) {}
    Ticket(Ticket&& other) noexcept;
    Ticket& operator=(Ticket&& other) noexcept;
    ~Ticket();

   private:
    CallRegistry* registry_ = nullptr;
    uint64_t id_ = 0;
  };

  // The call is drained, or cut off, at once if the others were. The registry
  // holds it weakly: gRPC decides when it ends.
  Ticket Enter(const std::shared_ptr<Call>& call, Kind kind)
      ABSL_LOCKS_EXCLUDED(mu_);

  bool draining() const ABSL_LOCKS_EXCLUDED(mu_);
  void StartDrain() ABSL_LOCKS_EXCLUDED(mu_);
  // Cuts off the calls that are still open. After StartDrain().
  void CutOff() ABSL_LOCKS_EXCLUDED(mu_);
  // True when no call is open, false when `deadline` (monotonic) passed first.
  bool WaitEmpty(Clock* clock, absl::Duration deadline)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Streams report what they read and wrote.
  void CountMessage() { messages_.fetch_add(1, std::memory_order_relaxed); }
  void CountReply() { replies_.fetch_add(1, std::memory_order_relaxed); }

  struct Stats {
    int64_t calls = 0;
    int64_t streams = 0;
    int64_t messages = 0;
    int64_t replies = 0;
    bool draining = false;
  };
  Stats stats() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Entry {
    std::weak_ptr<Call> call;
    Kind kind = Kind::kUnary;
  };

  void Leave(uint64_t id) ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<std::shared_ptr<Call>> Live() const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  std::atomic<int64_t> messages_{0};
  std::atomic<int64_t> replies_{0};

  mutable Mutex mu_;
  std::condition_variable empty_;
  uint64_t next_id_ ABSL_GUARDED_BY(mu_) = 1;
  std::map<uint64_t, Entry> calls_ ABSL_GUARDED_BY(mu_);
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
  bool cut_off_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace mneme

#endif  // MNEME_SERVER_RPC_CALL_REGISTRY_H_
