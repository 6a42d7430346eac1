#ifndef MNEME_CLIENT_CLI_BENCH_BENCH_SESSION_H_
#define MNEME_CLIENT_CLI_BENCH_BENCH_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/arguments.h"
#include "client/cli/bench/bench_plan.h"
#include "client/cli/bench/random_bits.h"
#include "client/cli/bench/segment_queue.h"
#include "client/cli/bench/segment_sender.h"
#include "client/cli/bench/token_source.h"
#include "client/client.h"
#include "client/timer.h"
#include "server/base/mutex.h"

namespace mneme::cli {

// What the sessions of a line report to. Called from the threads of gRPC and of
// a timer, of several sessions at once: thread-safe.
class BenchObserver {
 public:
  virtual ~BenchObserver() = default;
  // The session that BenchSession::Open asked for.
  virtual void OnOpened(const absl::Status& status) = 0;
  // Another one in its place.
  virtual void OnReopened() = 0;
  virtual void OnAnswer(const SegmentTimes& times,
                        const client::SegmentResult& segment) = 0;
  virtual void OnUnanswered(const SegmentTimes& times) = 0;
  virtual void OnRetry() = 0;
  // So many segments failed, or the opening of a session did.
  virtual void OnFailed(const absl::Status& error, uint64_t segments) = 0;
  // Is to destroy it, soon and by a thread that may wait.
  virtual void Retire(std::unique_ptr<SegmentSender> sender) = 0;
  // The last thing; `closed`: whether no session of it is left on the server.
  virtual void OnEnded(const absl::Status& closed) = 0;
};

// One of the sessions that a line keeps busy. When it has had its segments
// (--session-segments), or fails, another session takes its place. Thread-safe.
//
//   kOpening -> kOpen -> kLeaving (its sender ends) -> kOpening
//   after an error: -> kPausing -> kOpening
//   after Stop():   -> kErasing -> kEnded
class BenchSession : public client::StreamHandler {
 public:
  // All that a line's sessions share, which outlives them.
  struct Context {
    client::Client& client;
    client::Timer& timer;
    const BenchArguments& arguments;
    const BenchPlan& plan;
    bool open_loop = false;
    BenchObserver& observer;
  };

  // `seed`: of its tokens and of their number.
  BenchSession(const Context& context, uint64_t seed);

  // Called once, first. Nothing is sent before Start(), after OnOpened(OK).
  void Open();
  void Start() ABSL_LOCKS_EXCLUDED(mu_);
  // Open loop: a segment is due at `due`.
  void Arrive(absl::Duration due) ABSL_LOCKS_EXCLUDED(mu_);
  // Sends no more; what is under way is waited for. OnEnded follows, if Open()
  // was called.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);
  // After Stop(): does not wait for it. REQUIRES: called by the thread that
  // destroys what was retired.
  void Cancel() ABSL_LOCKS_EXCLUDED(mu_);

  void OnSegment(const client::SegmentResult& segment) override
      ABSL_LOCKS_EXCLUDED(mu_);
  void OnRetry(const absl::Status& error, const client::MemoryHandle& from,
               absl::Duration delay) override;
  void OnDone(const absl::Status& status) override ABSL_LOCKS_EXCLUDED(mu_);

 private:
  enum class State { kOpening, kOpen, kLeaving, kPausing, kErasing, kEnded };

  void OpenNext();
  void OnOpen(const absl::StatusOr<client::SessionInfo>& session)
      ABSL_LOCKS_EXCLUDED(mu_);
  // Tells the observer how an opening went.
  void Tell(const absl::Status& opened) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Begin(const client::MemoryHandle& at)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::StatusOr<std::unique_ptr<SegmentSender>> MakeSender(
      const client::MemoryHandle& at);
  // Sends what is due and has a place; in a closed loop every place is due.
  void SendDue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void SendOne() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool UsedUp() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Whether the session is to be left now: the caller calls Finish() then.
  bool BeginLeaving() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The session failed to open, or its sender ended: another one, or the end.
  void Replace(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mu_);
  void OnPaused() ABSL_LOCKS_EXCLUDED(mu_);
  // Where the server's store can; else it is only closed.
  void Erase(const std::string& id);
  void Close(const std::string& id);
  // The last call of a session that was left, or of the one that was not.
  void CallDone(const absl::Status& closed) ABSL_LOCKS_EXCLUDED(mu_);

  const Context context_;

  mutable Mutex mu_;
  State state_ ABSL_GUARDED_BY(mu_) = State::kOpening;
  bool started_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  RandomBits bits_ ABSL_GUARDED_BY(mu_);
  TokenStream tokens_ ABSL_GUARDED_BY(mu_);
  SegmentQueue queue_ ABSL_GUARDED_BY(mu_);
  std::string id_ ABSL_GUARDED_BY(mu_);  // of the session now
  std::unique_ptr<SegmentSender> sender_ ABSL_GUARDED_BY(mu_);
  uint64_t sent_ ABSL_GUARDED_BY(mu_) = 0;  // of the session now
  bool told_ ABSL_GUARDED_BY(mu_) = false;  // of the first opening
  int calls_ ABSL_GUARDED_BY(mu_) = 1;      // CallDone() to come
  absl::Status closed_ ABSL_GUARDED_BY(mu_);
};

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_BENCH_BENCH_SESSION_H_
