#ifndef MNEME_SERVER_RPC_BYTE_BUDGET_H_
#define MNEME_SERVER_RPC_BYTE_BUDGET_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "server/base/mutex.h"

namespace mneme {

// The memory that messages under way may take: each is charged, from when it
// was read until its reply is written, for its own bytes and for the most that
// its reply can have. So what clients that do not read, or that send more than
// the device does, can pin is bounded in bytes. Owned by the server; outlives
// its charges.
//
// Thread-safe; never blocks.
class ByteBudget {
 public:
  // Bytes taken; given back at its end. Movable; empty after a move. Used by
  // one thread at a time.
  class Charge {
   public:
    Charge() = default;
    Charge(Charge&& other) noexcept;
    Charge& operator=(Charge&& other) noexcept;
    ~Charge();

    int64_t bytes() const { return bytes_; }
    // Gives back what is above `bytes`.
    void ShrinkTo(int64_t bytes);

   private:
    friend class ByteBudget;
    Charge(ByteBudget* budget, int64_t bytes)
        : budget_(budget), bytes_(bytes) {}

    ByteBudget* budget_ = nullptr;
    int64_t bytes_ = 0;
  };

  explicit ByteBudget(int64_t limit) : limit_(limit) {}

  // RESOURCE_EXHAUSTED (QUEUE_FULL), with a time to retry after, when they do
  // not fit beside what is charged already. Beside nothing anything fits: what
  // is larger than the budget would never get in else.
  absl::StatusOr<Charge> Take(int64_t bytes) ABSL_LOCKS_EXCLUDED(mu_);

  int64_t used() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  bool TryTake(int64_t bytes) ABSL_LOCKS_EXCLUDED(mu_);
  void GiveBack(int64_t bytes) ABSL_LOCKS_EXCLUDED(mu_);

  const int64_t limit_;

  mutable Mutex mu_;
  int64_t used_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace mneme

#endif  // MNEME_SERVER_RPC_BYTE_BUDGET_H_
