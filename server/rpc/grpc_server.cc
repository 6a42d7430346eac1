#include "server/rpc/grpc_server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <chrono>
#include <limits>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "server/rpc/models_service.h"
#include "server/rpc/segments_service.h"
#include "server/rpc/sessions_service.h"

namespace mneme {
namespace {

constexpr int kKeepaliveMs = 60'000;
constexpr int kKeepaliveTimeoutMs = 20'000;
constexpr int kMinPingIntervalMs = 10'000;

// Streams live for days, through proxies and NAT: idle ones are pinged, and
// clients may ping too, also while they have no call.
void SetKeepalive(grpc::ServerBuilder* builder) {
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                              kKeepaliveTimeoutMs);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  builder->AddChannelArgument(
      GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
      kMinPingIntervalMs);
}

}  // namespace

struct GrpcServer::Services {
  explicit Services(const RpcContext* rpc)
      : sessions(rpc), segments(rpc), models(rpc) {}

  SessionsService sessions;
  SegmentsService segments;
  ModelsService models;
};

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Create(
    const Options& options, const RpcContext* rpc) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  auto services = std::make_unique<Services>(rpc);
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(options.address, grpc::InsecureServerCredentials(),
                           &port);
  // One server a port: two would share its connections silently.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.SetMaxReceiveMessageSize(static_cast<int>(options.max_request_bytes));
  builder.SetMaxSendMessageSize(std::numeric_limits<int>::max());
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                             static_cast<int>(options.max_connection_calls));
  SetKeepalive(&builder);
  builder.RegisterService(&services->sessions);
  builder.RegisterService(&services->segments);
  builder.RegisterService(&services->models);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    return absl::UnavailableError(
        absl::StrCat("--listen: cannot listen on '", options.address,
                     "': the port is in use, or the host is not this machine; "
                     "expected HOST:PORT of this machine that is free"));
  }
  for (const char* name :
       {v1::Sessions::service_full_name(), v1::Segments::service_full_name(),
        v1::Models::service_full_name()}) {
    server->GetHealthCheckService()->SetServingStatus(name, true);
  }
  return absl::WrapUnique(
      new GrpcServer(std::move(services), std::move(server), port));
}

GrpcServer::GrpcServer(std::unique_ptr<Services> services,
                       std::unique_ptr<grpc::Server> server, int port)
    : services_(std::move(services)), server_(std::move(server)), port_(port) {}

GrpcServer::~GrpcServer() { Shutdown(absl::ZeroDuration()); }

std::shared_ptr<grpc::Channel> GrpcServer::InProcessChannel() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  return server_->InProcessChannel(arguments);
}

void GrpcServer::SetServing(bool serving) {
  server_->GetHealthCheckService()->SetServingStatus(serving);
}

void GrpcServer::SetNotServing() {
  server_->GetHealthCheckService()->Shutdown();
}

void GrpcServer::Shutdown(absl::Duration grace) {
  server_->Shutdown(std::chrono::system_clock::now() +
                    absl::ToChronoMilliseconds(grace));
}

}  // namespace mneme
