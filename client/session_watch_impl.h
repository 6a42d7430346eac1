#ifndef MNEME_CLIENT_SESSION_WATCH_IMPL_H_
#define MNEME_CLIENT_SESSION_WATCH_IMPL_H_

#include <grpcpp/client_context.h>
#include <grpcpp/support/sync_stream.h>

#include <memory>

#include "client/session_watch.h"
#include "mneme/v1/sessions.pb.h"

namespace mneme::client {

// The call behind a watch. Internal to client/.
struct SessionWatch::Impl {
  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientReaderInterface<v1::SessionEvent>> call;
  absl::Status end;  // once it has ended
};

}  // namespace mneme::client

#endif  // MNEME_CLIENT_SESSION_WATCH_IMPL_H_
