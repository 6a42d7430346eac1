#ifndef MNEME_SERVER_RPC_WATCH_STREAM_H_
#define MNEME_SERVER_RPC_WATCH_STREAM_H_

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <deque>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/mutex.h"
#include "server/rpc/call_registry.h"
#include "server/rpc/rpc_context.h"
#include "server/session/session_events.h"

namespace mneme {

// Sessions.Watch: writes READY, then an event for each session that ends or
// moves. What
// the reader does not take waits here, RpcContext::watch_queue events at most;
// one more ends the stream with WATCH_TOO_SLOW, and drops them: the reader is
// told that it missed some.
//
// The end: a request that cannot be read, a drain (after what waits), the
// caller is gone, or too slow. If an event is being written then, once gRPC is
// done with that.
//
// Threads: gRPC's reactions, the session layer's events and the drain come on
// any thread. They change the state under mu_ and then call Pump(), which
// starts at most one write at a time and calls Finish once, no lock held.
// Shared by gRPC (until OnDone) and by who publishes or drains.
class WatchStream final : public grpc::ServerWriteReactor<grpc::ByteBuffer>,
                          public CallRegistry::Call,
                          public SessionWatcher {
 public:
  // A reactor for gRPC, which lives until its OnDone. `rpc` outlives it.
  static grpc::ServerWriteReactor<grpc::ByteBuffer>* Start(
      const RpcContext* rpc, const grpc::CallbackServerContext& context,
      const grpc::ByteBuffer& request);

  void OnWriteDone(bool ok) override ABSL_LOCKS_EXCLUDED(mu_);
  void OnCancel() override ABSL_LOCKS_EXCLUDED(mu_);
  void OnDone() override;
  void Drain() override ABSL_LOCKS_EXCLUDED(mu_);
  void CutOff() override ABSL_LOCKS_EXCLUDED(mu_);
  void OnEvent(const SessionEvent& event) override ABSL_LOCKS_EXCLUDED(mu_);
  void OnMissed() override ABSL_LOCKS_EXCLUDED(mu_);

 private:
  explicit WatchStream(const RpcContext* rpc) : rpc_(rpc) {}

  void Begin(const grpc::CallbackServerContext& context,
             const grpc::ByteBuffer& request) ABSL_LOCKS_EXCLUDED(mu_);
  void OnWatching(absl::StatusOr<SessionEvents::Subscription> watching)
      ABSL_LOCKS_EXCLUDED(mu_);
  // Ends it with `status`, unless it is ending; what waits is dropped.
  void End(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mu_);
  void EndLocked(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Starts what can be started now, if anything.
  void Pump() ABSL_LOCKS_EXCLUDED(mu_);

  const RpcContext* const rpc_;
  std::shared_ptr<WatchStream> self_;  // from Start to OnDone
  CallRegistry::Ticket ticket_;
  grpc::ByteBuffer written_;  // of the write under way

  Mutex mu_;
  std::deque<grpc::ByteBuffer> events_ ABSL_GUARDED_BY(mu_);
  SessionEvents::Subscription subscription_ ABSL_GUARDED_BY(mu_);
  bool ready_ ABSL_GUARDED_BY(mu_) = false;  // READY is among the events
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  std::optional<absl::Status> outcome_ ABSL_GUARDED_BY(mu_);
};

}  // namespace mneme

#endif  // MNEME_SERVER_RPC_WATCH_STREAM_H_
