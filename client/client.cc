#include "client/client.h"

#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <random>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/client_impl.h"
#include "client/error.h"
#include "client/session_watch_impl.h"
#include "client/stream_core.h"
#include "client/wire.h"
#include "server/base/status_macros.h"

namespace mneme::client {
namespace {

grpc::ChannelArguments ChannelArguments(const Client::Options& options) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  const auto milliseconds = [](absl::Duration time) {
    return static_cast<int>(std::clamp<int64_t>(
        absl::ToInt64Milliseconds(time), 1, std::numeric_limits<int>::max()));
  };
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, milliseconds(options.keepalive));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                   milliseconds(options.keepalive_timeout));
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // A pool of its own: another client in this process has another connection.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return arguments;
}

absl::Status CheckTimeout(const char* name, absl::Duration timeout) {
  if (timeout > absl::ZeroDuration()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      name, ": expected more than 0, got ", absl::FormatDuration(timeout)));
}

}  // namespace

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() = default;

absl::StatusOr<std::unique_ptr<Client>> Client::Create(Options options) {
  if (options.server.empty()) {
    return absl::InvalidArgumentError("server: expected HOST:PORT, got ''");
  }
  RETURN_IF_ERROR(CheckTimeout("call_timeout", options.call_timeout));
  RETURN_IF_ERROR(CheckTimeout("transfer_timeout", options.transfer_timeout));
  if (options.timer == nullptr) {
    options.timer = std::make_shared<TimerThread>(Clock::Real());
  }
  auto impl = std::make_unique<Impl>();
  std::shared_ptr<grpc::Channel> channel = grpc::CreateCustomChannel(
      options.server, grpc::InsecureChannelCredentials(),
      ChannelArguments(options));
  impl->options = std::move(options);
  impl->models = v1::Models::NewStub(channel);
  impl->sessions = v1::Sessions::NewStub(channel);
  impl->segments = v1::Segments::NewStub(channel);
  return std::unique_ptr<Client>(new Client(std::move(impl)));
}

absl::StatusOr<std::vector<ModelInfo>> Client::ListModels() {
  ASSIGN_OR_RETURN(v1::ListModelsResponse response,
                   impl_->Call(*impl_->models, &v1::Models::Stub::List,
                               v1::ListModelsRequest()));
  std::vector<ModelInfo> models;
  for (const v1::Model& model : response.models()) {
    models.push_back(FromWire(model));
  }
  return models;
}

absl::StatusOr<ModelInfo> Client::GetModel(const std::string& name) {
  v1::GetModelRequest request;
  request.set_name(name);
  ASSIGN_OR_RETURN(
      v1::Model response,
      impl_->Call(*impl_->models, &v1::Models::Stub::Get, request));
  return FromWire(response);
}

absl::StatusOr<SessionInfo> Client::OpenSession(SessionSpec spec) {
  if (spec.session_id.empty()) spec.session_id = NewSessionId();
  ASSIGN_OR_RETURN(v1::Session response,
                   impl_->Call(*impl_->sessions, &v1::Sessions::Stub::Open,
                               ToWire(spec), spec.session_id));
  return FromWire(response);
}

absl::StatusOr<SessionInfo> Client::GetSession(const std::string& session_id) {
  v1::GetSessionRequest request;
  request.set_session_id(session_id);
  ASSIGN_OR_RETURN(v1::Session response,
                   impl_->Call(*impl_->sessions, &v1::Sessions::Stub::Get,
                               request, session_id));
  return FromWire(response);
}

absl::StatusOr<Client::SessionPage> Client::ListSessions(
    const SessionFilter& wanted, const std::string& page_token) {
  v1::ListSessionsRequest request;
  request.set_model(wanted.model);
  request.set_session_id_prefix(wanted.id_prefix);
  request.set_page_token(page_token);
  ASSIGN_OR_RETURN(
      v1::ListSessionsResponse response,
      impl_->Call(*impl_->sessions, &v1::Sessions::Stub::List, request));
  SessionPage page;
  for (const v1::Session& session : response.sessions()) {
    page.sessions.push_back(FromWire(session));
  }
  page.next_page_token = response.next_page_token();
  return page;
}

absl::StatusOr<MemoryHandle> Client::CloseSession(
    const std::string& session_id) {
  v1::CloseSessionRequest request;
  request.set_session_id(session_id);
  ASSIGN_OR_RETURN(v1::CloseSessionResponse response,
                   impl_->Call(*impl_->sessions, &v1::Sessions::Stub::Close,
                               request, session_id));
  return FromWire(response);
}

absl::StatusOr<MemoryHandle> Client::EraseSession(
    const std::string& session_id) {
  v1::CloseSessionRequest request;
  request.set_session_id(session_id);
  request.set_erase(true);
  ASSIGN_OR_RETURN(v1::CloseSessionResponse response,
                   impl_->Call(*impl_->sessions, &v1::Sessions::Stub::Close,
                               request, session_id, absl::InfiniteDuration()));
  return FromWire(response);
}

absl::StatusOr<std::unique_ptr<SessionWatch>> Client::WatchSessions(
    const std::vector<std::string>& session_ids) {
  auto watch = std::make_unique<SessionWatch::Impl>();
  v1::WatchSessionsRequest request;
  for (const std::string& id : session_ids) request.add_session_ids(id);
  if (!impl_->options.tenant.empty()) {
    watch->context.AddMetadata("mneme-tenant", impl_->options.tenant);
  }
  watch->call = impl_->sessions->Watch(&watch->context, request);
  return absl::WrapUnique(new SessionWatch(std::move(watch)));
}

absl::StatusOr<SessionInfo> Client::RollbackSession(
    const MemoryHandle& to, const MemoryHandle* expected_head) {
  v1::RollbackSessionRequest request;
  request.set_session_id(to.session_id);
  *request.mutable_to() = ToWire(to);
  if (expected_head != nullptr) {
    *request.mutable_expected_head() = ToWire(*expected_head);
  }
  ASSIGN_OR_RETURN(v1::Session response,
                   impl_->Call(*impl_->sessions, &v1::Sessions::Stub::Rollback,
                               request, to.session_id));
  return FromWire(response);
}

absl::StatusOr<SessionInfo> Client::TouchSession(
    const std::string& session_id, const SessionChanges& changes) {
  v1::TouchSessionRequest request = ToWire(changes);
  request.set_session_id(session_id);
  ASSIGN_OR_RETURN(v1::Session response,
                   impl_->Call(*impl_->sessions, &v1::Sessions::Stub::Touch,
                               request, session_id));
  return FromWire(response);
}

absl::StatusOr<SessionInfo> Client::ForkSession(const std::string& session_id,
                                                const std::string& fork_id,
                                                const MemoryHandle* from) {
  v1::ForkSessionRequest request;
  request.set_session_id(session_id);
  request.set_fork_id(fork_id.empty() ? NewSessionId() : fork_id);
  if (from != nullptr) *request.mutable_from() = ToWire(*from);
  ASSIGN_OR_RETURN(v1::Session response,
                   impl_->Call(*impl_->sessions, &v1::Sessions::Stub::Fork,
                               request, session_id));
  return FromWire(response);
}

absl::Status Client::ExportSession(
    const std::string& session_id, const MemoryHandle* from,
    absl::FunctionRef<absl::Status(absl::string_view)> sink) {
  v1::ExportSessionRequest request;
  request.set_session_id(session_id);
  if (from != nullptr) *request.mutable_from() = ToWire(*from);
  grpc::ClientContext context;
  impl_->Prepare(context, impl_->options.transfer_timeout, session_id);
  const auto reader = impl_->sessions->Export(&context, request);
  absl::Status taken;
  v1::ExportSessionChunk chunk;
  while (reader->Read(&chunk)) {
    if (!taken.ok()) continue;  // it was on its way
    taken = sink(chunk.data());
    if (!taken.ok()) context.TryCancel();
  }
  const grpc::Status status = reader->Finish();
  if (!taken.ok()) return taken;
  return status.ok() ? absl::OkStatus() : FromGrpc(status);
}

absl::StatusOr<SessionInfo> Client::ImportSession(
    SessionSpec spec,
    absl::FunctionRef<absl::StatusOr<std::string>()> next_piece) {
  if (spec.session_id.empty()) spec.session_id = NewSessionId();
  grpc::ClientContext context;
  impl_->Prepare(context, impl_->options.transfer_timeout, spec.session_id);
  v1::Session response;
  const auto writer = impl_->sessions->Import(&context, &response);
  v1::ImportSessionRequest request;
  request.set_session_id(spec.session_id);
  request.set_model(spec.model);
  request.set_durability(ToWire(spec.durability));
  absl::StatusOr<std::string> piece = next_piece();
  // The first message says what is made, even of an empty file.
  for (bool first = true; piece.ok() && (first || !piece->empty());
       first = false) {
    request.set_data(*piece);
    if (!writer->Write(request)) break;  // the server ended the call
    request.Clear();
    piece = next_piece();
  }
  if (piece.ok()) {
    writer->WritesDone();
  } else {
    context.TryCancel();
  }
  const grpc::Status status = writer->Finish();
  if (!piece.ok()) return piece.status();
  if (!status.ok()) return FromGrpc(status);
  return FromWire(response);
}

absl::StatusOr<std::unique_ptr<SessionStream>> Client::Stream(
    StreamOptions options, StreamHandler* handler) {
  if (options.at.session_id.empty() || options.at.digest.empty()) {
    return absl::InvalidArgumentError(
        "at: expected the memory handle that the stream starts from");
  }
  if (options.segment_size == 0) {
    return absl::InvalidArgumentError(
        "segment_size: expected the model's, got 0");
  }
  auto core = std::make_shared<StreamCore>(
      impl_->segments.get(), impl_->options.tenant, impl_->options.timer,
      std::move(options), handler);
  auto stream = std::make_unique<SessionStream>(core, impl_->segments);
  core->Open();
  return stream;
}

const std::string& Client::server() const { return impl_->options.server; }

std::string NewSessionId() {
  std::random_device random;
  std::string id;
  for (int i = 0; i < 4; ++i) absl::StrAppendFormat(&id, "%08x", random());
  return id;
}

}  // namespace mneme::client
