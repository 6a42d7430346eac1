// The calls of a Client that do not block.

#include <functional>
#include <memory>
#include <utility>

#include "client/client_impl.h"
#include "client/wire.h"

namespace mneme::client {
namespace {

// What a call under way needs.
template <typename Request, typename Response, typename Result>
struct AsyncCall {
  std::unique_ptr<grpc::ClientContext> context =
      std::make_unique<grpc::ClientContext>();
  Request request;
  Response response;
  absl::AnyInvocable<void(absl::StatusOr<Result>) &&> done;

  // The context goes first: it owns its channel, and the last owner of a
  // channel must not be one of gRPC's own threads, as it is that runs this.
  void Finish(const grpc::Status& status) {
    context = nullptr;
    if (!status.ok()) return std::move(done)(FromGrpc(status));
    std::move(done)(FromWire(response));
  }
};

// gRPC's callbacks are copied, so that what they own is shared.
template <typename Call>
std::function<void(grpc::Status)> Finisher(const std::shared_ptr<Call>& call) {
  return [call](const grpc::Status& status) { call->Finish(status); };
}

}  // namespace

void Client::OpenSession(SessionSpec spec, Done<SessionInfo> done) {
  if (spec.session_id.empty()) spec.session_id = NewSessionId();
  using Call = AsyncCall<v1::OpenSessionRequest, v1::Session, SessionInfo>;
  const auto call = std::make_shared<Call>();
  call->request = ToWire(spec);
  call->done = std::move(done);
  impl_->Prepare(*call->context, impl_->options.call_timeout, spec.session_id);
  impl_->sessions->async()->Open(call->context.get(), &call->request,
                                 &call->response, Finisher(call));
}

void Client::CloseSession(const std::string& session_id,
                          Done<MemoryHandle> done) {
  StartClose(session_id, /*erase=*/false, impl_->options.call_timeout,
             std::move(done));
}

void Client::EraseSession(const std::string& session_id,
                          Done<MemoryHandle> done) {
  StartClose(session_id, /*erase=*/true, absl::InfiniteDuration(),
             std::move(done));
}

void Client::StartClose(const std::string& session_id, bool erase,
                        absl::Duration timeout, Done<MemoryHandle> done) {
  using Call = AsyncCall<v1::CloseSessionRequest, v1::CloseSessionResponse,
                         MemoryHandle>;
  const auto call = std::make_shared<Call>();
  call->request.set_session_id(session_id);
  call->request.set_erase(erase);
  call->done = std::move(done);
  impl_->Prepare(*call->context, timeout, session_id);
  impl_->sessions->async()->Close(call->context.get(), &call->request,
                                  &call->response, Finisher(call));
}

void Client::Process(const SegmentMessage& message, Done<StreamReply> done) {
  using Call = AsyncCall<v1::SegmentRequest, v1::SegmentReply, StreamReply>;
  const auto call = std::make_shared<Call>();
  call->request = MakeRequest(message);
  call->done = std::move(done);
  impl_->Prepare(*call->context, impl_->options.call_timeout,
                 message.at.session_id);
  impl_->segments->async()->Process(call->context.get(), &call->request,
                                    &call->response, Finisher(call));
}

}  // namespace mneme::client
