#include "server/rpc/segment_stream.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/rpc/field_error.h"
#include "server/rpc/grpc_status.h"
#include "server/rpc/message_bytes.h"
#include "server/rpc/write_reply.h"

namespace mneme {
namespace {

constexpr size_t kKeptBytes = 64 << 10;

}  // namespace

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>*
SegmentStream::Start(const RpcContext* rpc,
                     grpc::CallbackServerContext* context) {
  std::shared_ptr<SegmentStream> stream(
      new SegmentStream(rpc, ReadCall(*context, rpc->tenants, *rpc->clock)));
  stream->self_ = stream;
  stream->ticket_ = rpc->calls->Enter(stream, CallRegistry::Kind::kStream);
  stream->Pump();
  return stream.get();
}

SegmentStream::SegmentStream(const RpcContext* rpc,
                             absl::StatusOr<CallInfo> call)
    : rpc_(rpc), call_(std::move(call)) {
  if (call_.ok()) return;
  MutexLock lock(&mu_);
  exchanges_.emplace_back();
  Fail(0, call_.status());
}

void SegmentStream::OnReadDone(bool ok) {
  uint64_t number = 0;
  bool accepted = false;
  {
    MutexLock lock(&mu_);
    accepted = ok && !draining_ && !failed_ && !broken_;
    if (accepted) {
      number = first_number_ + exchanges_.size();
      exchanges_.emplace_back();
    }
    half_closed_ = half_closed_ || !ok;
  }
  if (!accepted) return EndRead();
  rpc_->calls->CountMessage();
  Dispatch(number);
}

void SegmentStream::EndRead() {
  {
    MutexLock lock(&mu_);
    reading_ = false;
  }
  Pump();
}

void SegmentStream::Dispatch(uint64_t number) {
  const absl::Status prepared = Prepare();
  if (!prepared.ok()) return Admit(number, prepared);
  rpc_->manager->ModelOf(
      key_, [self = shared_from_this(),
             number](const absl::StatusOr<const SequenceModel*>& model) {
        self->Admit(number, model);
      });
}

absl::StatusOr<AdmittedRequest> SegmentStream::Read(
    const absl::StatusOr<const SequenceModel*>& model) const {
  RETURN_IF_ERROR(model.status());
  return AdmitRequest(*rpc_, *call_, key_.session_id, **model, request_);
}

void SegmentStream::Admit(uint64_t number,
                          const absl::StatusOr<const SequenceModel*>& model) {
  absl::StatusOr<AdmittedRequest> admitted = Read(model);
  // Else an idle stream would keep the room of its largest message.
  if (request_.SpaceUsedLong() > kKeptBytes) request_ = v1::SegmentRequest();
  if (!admitted.ok()) {
    rpc_->observer->OnRequest(admitted.status(), absl::ZeroDuration());
    OnReply(number, admitted.status());
    return EndRead();
  }
  {
    MutexLock lock(&mu_);
    exchanges_[number - first_number_].charge = std::move(admitted->charge);
  }
  rpc_->manager->Process(
      key_, cursor_, std::move(admitted->request),
      [self = shared_from_this(), number](absl::StatusOr<SegmentReply> reply) {
        self->OnReply(number, std::move(reply));
      });
  EndRead();
}

absl::Status SegmentStream::Prepare() {
  RETURN_IF_ERROR(ParseMessage(received_, &request_));
  received_.Clear();
  RETURN_IF_ERROR(Identify());
  if (request_.has_outputs()) {
    outputs_ = request_.outputs();
  } else {
    *request_.mutable_outputs() = outputs_;
  }
  if (request_.priority() != v1::PRIORITY_UNSPECIFIED) {
    priority_ = request_.priority();
  } else {
    request_.set_priority(priority_);
  }
  return absl::OkStatus();
}

absl::Status SegmentStream::Identify() {
  const std::string& id = request_.session_id();
  if (!identified_) {
    if (id.empty()) {
      return FieldError("session_id",
                        "missing: the first request of a stream names it");
    }
    ASSIGN_OR_RETURN(key_, ReadSessionKey(*call_, id));
    identified_ = true;
    MutexLock lock(&mu_);
    session_ = key_;
    return absl::OkStatus();
  }
  if (!id.empty() && id != key_.session_id) {
    return FieldError("session_id",
                      absl::StrCat("the stream is of ", Quoted(key_.session_id),
                                   ", this request names ", Quoted(id)));
  }
  if (request_.has_at()) {
    return FieldError("at", "only the first request of a stream may carry it");
  }
  return absl::OkStatus();
}

void SegmentStream::OnReply(uint64_t number,
                            absl::StatusOr<SegmentReply> reply) {
  const absl::Status status = reply.status();
  grpc::ByteBuffer bytes;
  std::optional<Position> head;
  if (status.ok()) {
    head = reply->head;
    v1::SegmentReply message;
    WriteReply(*std::move(reply), &message);
    bytes = MessageBytes(message);
  }
  const auto size = static_cast<int64_t>(bytes.Length());
  {
    MutexLock lock(&mu_);
    if (status.ok()) {
      Exchange& exchange = exchanges_[number - first_number_];
      exchange.answered = true;
      exchange.reply.Swap(&bytes);
      exchange.charge.ShrinkTo(size);
      place_ = std::move(head);
    } else {
      Fail(number, status);
    }
  }
  Pump();
}

void SegmentStream::Fail(uint64_t number, absl::Status status) {
  const auto it =
      exchanges_.begin() + static_cast<ptrdiff_t>(number - first_number_);
  it->answered = true;
  it->status = std::move(status);
  failed_ = true;
  const bool is_next = std::all_of(
      exchanges_.begin(), it, [](const Exchange& e) { return e.answered; });
  if (is_next) cursor_->cancelled = true;
}

void SegmentStream::OnWriteDone(bool ok) {
  Exchange written;
  {
    MutexLock lock(&mu_);
    writing_ = false;
    broken_ = broken_ || !ok;
    if (ok) {
      written = std::move(exchanges_.front());
      exchanges_.pop_front();
      ++first_number_;
    }
  }
  if (ok) rpc_->calls->CountReply();
  written = Exchange();  // its room is free before the next message comes
  Pump();
}

void SegmentStream::OnCancel() {
  cursor_->cancelled = true;
  {
    MutexLock lock(&mu_);
    broken_ = true;
  }
  Pump();
}

void SegmentStream::OnDone() {
  ticket_ = CallRegistry::Ticket();
  const std::shared_ptr<SegmentStream> last = std::move(self_);
}

void SegmentStream::Drain() {
  std::optional<Position> place = CurrentPlace();
  {
    MutexLock lock(&mu_);
    draining_ = true;
    if (!place_.has_value()) place_ = std::move(place);
  }
  Pump();
}

void SegmentStream::CutOff() {
  {
    MutexLock lock(&mu_);
    cutting_off_ = true;
  }
  // Before the place is read: no segment that has not started moves it then.
  cursor_->cancelled = true;
  std::optional<Position> place = CurrentPlace();
  {
    MutexLock lock(&mu_);
    cut_off_ = true;
    const bool newer =
        place.has_value() &&
        (!place_.has_value() || place->handle.step >= place_->handle.step);
    if (newer) place_ = std::move(place);
  }
  Pump();
}

std::optional<Position> SegmentStream::CurrentPlace() const {
  std::optional<SessionKey> session;
  {
    MutexLock lock(&mu_);
    session = session_;
  }
  if (!session.has_value() && call_.ok() && call_->routed_session.has_value()) {
    session = SessionKey{call_->tenant, *call_->routed_session};
  }
  if (!session.has_value()) return std::nullopt;
  const auto info = rpc_->manager->Get(*session);
  if (!info.ok()) return std::nullopt;
  return info->head;
}

void SegmentStream::Pump() {
  {
    MutexLock lock(&mu_);
    if (pumping_) return;
    pumping_ = true;
  }
  while (true) {
    Action action = Action::kNone;
    const grpc::ByteBuffer* reply = nullptr;
    absl::Status outcome;
    {
      MutexLock lock(&mu_);
      action = NextAction();
      if (action == Action::kNone) pumping_ = false;
      if (action == Action::kWrite) reply = &exchanges_.front().reply;
      if (action == Action::kFinish) outcome = outcome_;
    }
    switch (action) {
      case Action::kNone:
        return;
      case Action::kRead:
        StartRead(&received_);
        break;
      case Action::kWrite:
        StartWrite(reply);
        break;
      case Action::kFinish:
        rpc_->counts->Add(RpcMethod::kStream, outcome.code());
        Finish(ToGrpcStatus(outcome));
        break;
    }
  }
}

SegmentStream::Action SegmentStream::NextAction() {
  if (finished_) return Action::kNone;
  if (!writing_) {
    if (std::optional<absl::Status> outcome = Outcome()) {
      finished_ = true;
      outcome_ = *std::move(outcome);
      return Action::kFinish;
    }
    if (!exchanges_.empty() && exchanges_.front().answered &&
        exchanges_.front().status.ok()) {
      writing_ = true;
      return Action::kWrite;
    }
  }
  const bool wants_more = !half_closed_ && !draining_ && !failed_ && !broken_;
  if (wants_more && !reading_ && HasRoom()) {
    reading_ = true;
    return Action::kRead;
  }
  return Action::kNone;
}

bool SegmentStream::HasRoom() const {
  if (exchanges_.size() >= rpc_->stream_window) return false;
  int64_t bytes = 0;
  for (const Exchange& exchange : exchanges_) bytes += exchange.charge.bytes();
  return bytes < rpc_->max_reply_bytes;
}

std::optional<absl::Status> SegmentStream::Outcome() const {
  if (broken_) return absl::CancelledError("the caller is gone");
  if (!exchanges_.empty()) {
    const Exchange& front = exchanges_.front();
    // What the cut-off cancelled is told so, with the place.
    const bool cancelled = cutting_off_ && absl::IsCancelled(front.status);
    if (front.answered && !front.status.ok() && !cancelled) return front.status;
    if ((front.answered && !cancelled) || !cut_off_) return std::nullopt;
  } else if (half_closed_) {
    return absl::OkStatus();
  }
  if (draining_) {
    return DrainingError(place_.has_value() ? &*place_ : nullptr);
  }
  return std::nullopt;
}

}  // namespace mneme
