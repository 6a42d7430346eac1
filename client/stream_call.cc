#include "client/stream_call.h"

#include <utility>

#include "client/error.h"

namespace mneme::client {

StreamCall::StreamCall(std::shared_ptr<StreamCore> core,
                       const std::string& session_id, const std::string& tenant)
    : core_(std::move(core)),
      context_(std::make_shared<grpc::ClientContext>()) {
  context_->AddMetadata("mneme-session-id", session_id);
  if (!tenant.empty()) context_->AddMetadata("mneme-tenant", tenant);
}

void StreamCall::Start(const std::shared_ptr<StreamCall>& call,
                       v1::Segments::StubInterface& stub) {
  call->self_ = call;
  {
    MutexLock lock(&call->mu_);
    stub.async()->Stream(call->context_.get(), call.get());
  }
  call->AddHold();
  call->StartRead(&call->reply_);
  call->StartCall();
  call->WriteNext();
}

void StreamCall::Pump() {
  {
    MutexLock lock(&mu_);
    if (ended_) return;
    wanted_ = true;
    if (writing_) return;
    writing_ = true;
    wanted_ = false;
  }
  WriteNext();
}

void StreamCall::Cancel() {
  std::shared_ptr<grpc::ClientContext> context;
  {
    MutexLock lock(&mu_);
    context = context_;
  }
  if (context != nullptr) context->TryCancel();
}

void StreamCall::WriteNext() {
  do {
    switch (core_->NextRequest(request_)) {
      case StreamCore::Next::kRequest:
        StartWrite(&request_);
        return;
      case StreamCore::Next::kFinished:
        StartWritesDone();
        KeepSeat(/*ended=*/true);
        return;
      case StreamCore::Next::kNothing:
        break;
    }
  } while (KeepSeat(/*ended=*/false));
}

bool StreamCall::KeepSeat(bool ended) {
  bool release = false;
  {
    MutexLock lock(&mu_);
    ended_ = ended_ || ended;
    if (wanted_ && !ended_) {
      wanted_ = false;
      return true;
    }
    writing_ = false;
    release = ended_ && held_;
    if (release) held_ = false;
  }
  if (release) RemoveHold();
  return false;
}

void StreamCall::OnReadDone(bool ok) {
  if (ok) {
    if (!core_->OnReply(reply_).ok()) Cancel();
    Pump();
    core_->OnReplyDone();
    StartRead(&reply_);
    return;
  }
  bool release = false;
  {
    MutexLock lock(&mu_);
    ended_ = true;
    release = held_ && !writing_;
    if (release) held_ = false;
  }
  if (release) RemoveHold();
}

void StreamCall::OnWriteDone(bool ok) {
  {
    MutexLock lock(&mu_);
    wanted_ = true;
  }
  if (KeepSeat(/*ended=*/!ok)) WriteNext();
}

void StreamCall::OnDone(const grpc::Status& status) {
  std::shared_ptr<StreamCall> self = std::move(self_);
  std::shared_ptr<grpc::ClientContext> context;
  {
    MutexLock lock(&mu_);
    context = std::move(context_);
  }
  context = nullptr;
  core_->OnCallDone(FromGrpc(status));
}

}  // namespace mneme::client
