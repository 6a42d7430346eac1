#ifndef MNEME_SERVER_RPC_SEGMENT_STREAM_H_
#define MNEME_SERVER_RPC_SEGMENT_STREAM_H_

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "mneme/v1/segments.pb.h"
#include "server/base/mutex.h"
#include "server/rpc/admit_request.h"
#include "server/rpc/byte_budget.h"
#include "server/rpc/call_metadata.h"
#include "server/rpc/call_registry.h"
#include "server/rpc/rpc_context.h"
#include "server/session/segment.h"

namespace mneme {

// One Segments.Stream call: reads messages, gives each to its session, writes
// the replies in order, and ends the call once. First in a segment's path.
//
// Flow control: a message counts from when it is read until its reply is
// written. Nothing is read while `stream_window` of them count, or while they
// are charged for `max_reply_bytes`. So memory is flat however slowly the
// client reads.
//
// The end: after the replies before it, the first error; OK when the client has
// closed its side and all is answered; DRAINING when the server drains and all
// that was read is answered, whether or not a read is still pending, or when
// the drain cuts it off; at once when the caller is gone: what has started on
// the device goes on without it.
//
// Threads: gRPC's reactions, the session layer's callbacks and the drain come
// on any thread. They change the state under mu_ and then call Pump(), which
// one thread at a time runs: only it calls StartRead, StartWrite and Finish, no
// lock held. Shared, because gRPC (until OnDone), callbacks under way and a
// drain each need it alive, and end in any order.
class SegmentStream final
    : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
      public CallRegistry::Call,
      public std::enable_shared_from_this<SegmentStream> {
 public:
  // A reactor for gRPC, which lives until its OnDone. `rpc` outlives it.
  static grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Start(
      const RpcContext* rpc, grpc::CallbackServerContext* context);

  void OnReadDone(bool ok) override ABSL_LOCKS_EXCLUDED(mu_);
  void OnWriteDone(bool ok) override ABSL_LOCKS_EXCLUDED(mu_);
  void OnCancel() override ABSL_LOCKS_EXCLUDED(mu_);
  void OnDone() override;
  void Drain() override ABSL_LOCKS_EXCLUDED(mu_);
  void CutOff() override ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // A message between read and the end of its reply's write.
  struct Exchange {
    bool answered = false;
    absl::Status status;
    grpc::ByteBuffer reply;
    ByteBudget::Charge charge;
  };
  enum class Action { kNone, kRead, kWrite, kFinish };

  SegmentStream(const RpcContext* rpc, absl::StatusOr<CallInfo> call);

  // Gives the message in received_ to its session: once its model is known,
  // and then the next one is read.
  void Dispatch(uint64_t number) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Prepare() ABSL_LOCKS_EXCLUDED(mu_);
  void Admit(uint64_t number, const absl::StatusOr<const SequenceModel*>& model)
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<AdmittedRequest> Read(
      const absl::StatusOr<const SequenceModel*>& model) const;
  void EndRead() ABSL_LOCKS_EXCLUDED(mu_);
  // The first message names the session; later ones may not change it.
  absl::Status Identify() ABSL_LOCKS_EXCLUDED(mu_);
  void OnReply(uint64_t number, absl::StatusOr<SegmentReply> reply)
      ABSL_LOCKS_EXCLUDED(mu_);
  // What is behind a failed message would follow a gap: drops it.
  void Fail(uint64_t number, absl::Status status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  void Pump() ABSL_LOCKS_EXCLUDED(mu_);
  Action NextAction() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The status to end with, once that is decided.
  std::optional<absl::Status> Outcome() const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Whether one more message may be read.
  bool HasRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Where the session is that the first message or the call's metadata names.
  std::optional<Position> CurrentPlace() const ABSL_LOCKS_EXCLUDED(mu_);

  const RpcContext* const rpc_;
  const absl::StatusOr<CallInfo> call_;
  std::shared_ptr<SegmentStream> self_;  // from Start to OnDone
  CallRegistry::Ticket ticket_;

  // Of the read under way; touched by its reaction only.
  grpc::ByteBuffer received_;
  v1::SegmentRequest request_;  // read from these bytes
  bool identified_ = false;
  SessionKey key_;
  // Of the newest message that had some.
  v1::OutputRequest outputs_;
  v1::Priority priority_ = v1::PRIORITY_UNSPECIFIED;
  const CursorRef cursor_ = std::make_shared<Cursor>();

  mutable Mutex mu_;
  std::optional<SessionKey> session_ ABSL_GUARDED_BY(mu_);  // key_, once known
  // Oldest first; the front's reply may be being written.
  std::deque<Exchange> exchanges_ ABSL_GUARDED_BY(mu_);
  uint64_t first_number_ ABSL_GUARDED_BY(mu_) = 0;      // the front's
  std::optional<Position> place_ ABSL_GUARDED_BY(mu_);  // the session's newest
  bool reading_ ABSL_GUARDED_BY(mu_) = false;  // until the message is given on
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool half_closed_ ABSL_GUARDED_BY(mu_) = false;  // the client sends no more
  bool failed_ ABSL_GUARDED_BY(mu_) = false;       // some exchange has an error
  bool broken_ ABSL_GUARDED_BY(mu_) = false;  // nothing can be written any more
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
  bool cutting_off_ ABSL_GUARDED_BY(mu_) = false;  // the drain cancels it
  bool cut_off_ ABSL_GUARDED_BY(mu_) = false;      // does not wait for answers
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  bool pumping_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status outcome_ ABSL_GUARDED_BY(mu_);
};

}  // namespace mneme

#endif  // MNEME_SERVER_RPC_SEGMENT_STREAM_H_
