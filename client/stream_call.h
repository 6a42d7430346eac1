#ifndef MNEME_CLIENT_STREAM_CALL_H_
#define MNEME_CLIENT_STREAM_CALL_H_

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <memory>
#include <string>

#include "client/stream_core.h"
#include "mneme/v1/segments.grpc.pb.h"
#include "server/base/mutex.h"

namespace mneme::client {

// One call of Segments.Stream: turns gRPC's reactions into the StreamCore's
// events, and keeps gRPC's rules: one read and one write at a time, no write
// once the call has ended. Thread-safe. Lives until OnDone, by a reference to
// itself; a Pump() or Cancel() under way may outlive that.
class StreamCall
    : public grpc::ClientBidiReactor<v1::SegmentRequest, v1::SegmentReply> {
 public:
  StreamCall(std::shared_ptr<StreamCore> core, const std::string& session_id,
             const std::string& tenant);

  // Starts `call` on `stub`. Called once.
  static void Start(const std::shared_ptr<StreamCall>& call,
                    v1::Segments::StubInterface& stub);
  // Writes what the core has, unless a write is under way, which goes on with
  // it when it is done.
  void Pump() ABSL_LOCKS_EXCLUDED(mu_);
  void Cancel() ABSL_LOCKS_EXCLUDED(mu_);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  // REQUIRES: the caller has the writer's seat.
  void WriteNext() ABSL_LOCKS_EXCLUDED(mu_);
  // Gives the writer's seat back. True: somebody wanted it meanwhile, and the
  // caller still has it. `ended`: nothing is written any more.
  bool KeepSeat(bool ended) ABSL_LOCKS_EXCLUDED(mu_);

  const std::shared_ptr<StreamCore> core_;
  std::shared_ptr<StreamCall> self_;  // set by Start(), dropped by OnDone()
  v1::SegmentRequest request_;        // the writer's: who has the seat
  v1::SegmentReply reply_;            // the reader's

  Mutex mu_;
  // Gone before the core hears of the end: a context owns its channel, and the
  // last owner of a channel must not be one of gRPC's own threads, which the
  // channel's end would join. Shared with a Cancel() under way.
  std::shared_ptr<grpc::ClientContext> context_ ABSL_GUARDED_BY(mu_);
  // The writer's seat is taken, at first by Start(); a hold keeps OnDone away
  // until it is free and the call has ended.
  bool writing_ ABSL_GUARDED_BY(mu_) = true;
  bool wanted_ ABSL_GUARDED_BY(mu_) = false;
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
  bool held_ ABSL_GUARDED_BY(mu_) = true;
};

}  // namespace mneme::client

#endif  // MNEME_CLIENT_STREAM_CALL_H_
