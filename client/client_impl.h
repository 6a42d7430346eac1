#ifndef MNEME_CLIENT_CLIENT_IMPL_H_
#define MNEME_CLIENT_CLIENT_IMPL_H_

#include <grpcpp/client_context.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/client.h"
#include "client/error.h"
#include "mneme/v1/models.grpc.pb.h"
#include "mneme/v1/segments.grpc.pb.h"
#include "mneme/v1/sessions.grpc.pb.h"

namespace mneme::client {

// The connection behind a client. Thread-safe. Internal to client/.
struct Client::Impl {
  Options options;
  std::unique_ptr<v1::Models::Stub> models;
  std::unique_ptr<v1::Sessions::Stub> sessions;
  // Shared with the streams, which may outlive the client.
  std::shared_ptr<v1::Segments::StubInterface> segments;

  // `session_id` goes into the metadata unless empty.
  void Prepare(grpc::ClientContext& context, absl::Duration timeout,
               const std::string& session_id) const {
    context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
    if (!session_id.empty()) {
      context.AddMetadata("mneme-session-id", session_id);
    }
    if (!options.tenant.empty()) {
      context.AddMetadata("mneme-tenant", options.tenant);
    }
  }

  // One blocking call.
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(
      Stub& stub,
      grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                   Response*),
      const Request& request, const std::string& session_id = "",
      std::optional<absl::Duration> timeout = std::nullopt) {
    grpc::ClientContext context;
    Prepare(context, timeout.value_or(options.call_timeout), session_id);
    Response response;
    grpc::Status status = (stub.*method)(&context, request, &response);
    if (!status.ok()) return FromGrpc(status);
    return response;
  }
};

}  // namespace mneme::client

#endif  // MNEME_CLIENT_CLIENT_IMPL_H_
