#include "client/wire.h"

#include <algorithm>
#include <cstdint>

namespace mneme::client {
namespace {

absl::Duration FromWire(const google::protobuf::Duration& wire) {
  return absl::Seconds(wire.seconds()) + absl::Nanoseconds(wire.nanos());
}

// The type's largest is never, for us.
constexpr int64_t kMaxSeconds = 315'576'000'000;

google::protobuf::Duration ToWire(absl::Duration duration) {
  google::protobuf::Duration wire;
  duration = std::min(duration, absl::Seconds(kMaxSeconds));
  wire.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  wire.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration)));
  return wire;
}

// `Wire` has idle_ttl and max_age.
template <typename Value, typename Wire>
void SetTtls(const Value& value, Wire& wire) {
  if (value.idle_ttl != absl::ZeroDuration()) {
    *wire.mutable_idle_ttl() = ToWire(value.idle_ttl);
  }
  if (value.max_age != absl::ZeroDuration()) {
    *wire.mutable_max_age() = ToWire(value.max_age);
  }
}

absl::Time FromWire(const google::protobuf::Timestamp& wire) {
  return absl::FromUnixSeconds(wire.seconds()) +
         absl::Nanoseconds(wire.nanos());
}

ElementType FromWire(v1::DataType type) {
  switch (type) {
    case v1::F32:
      return ElementType::kF32;
    case v1::BF16:
      return ElementType::kBF16;
    case v1::F16:
      return ElementType::kF16;
    case v1::I64:
      return ElementType::kI64;
    case v1::I32:
      return ElementType::kI32;
    case v1::U8:
      return ElementType::kU8;
    default:
      return ElementType::kUnknown;
  }
}

Durability FromWire(v1::Durability durability) {
  switch (durability) {
    case v1::MEMORY:
      return Durability::kMemory;
    case v1::ASYNC:
      return Durability::kAsync;
    case v1::SYNC:
      return Durability::kSync;
    default:
      return Durability::kServerDefault;
  }
}

ResultSource FromWire(v1::AppliedSegment::Source source) {
  switch (source) {
    case v1::AppliedSegment::KEPT:
      return ResultSource::kKept;
    case v1::AppliedSegment::RECOMPUTED:
      return ResultSource::kRecomputed;
    case v1::AppliedSegment::SHARED:
      return ResultSource::kShared;
    default:
      return ResultSource::kComputed;
  }
}

OutputTensor FromWire(const v1::Tensor& wire) {
  OutputTensor tensor;
  tensor.name = wire.name();
  tensor.type = FromWire(wire.dtype());
  tensor.shape.assign(wire.shape().begin(), wire.shape().end());
  tensor.data = wire.data();
  return tensor;
}

}  // namespace

MemoryHandle FromWire(const v1::MemoryHandle& wire) {
  return {wire.session_id(), wire.step(), wire.digest()};
}

v1::MemoryHandle ToWire(const MemoryHandle& handle) {
  v1::MemoryHandle wire;
  wire.set_session_id(handle.session_id);
  wire.set_step(handle.step);
  wire.set_digest(handle.digest);
  return wire;
}

MemoryHandle FromWire(const v1::CloseSessionResponse& wire) {
  return FromWire(wire.last());
}

SessionInfo FromWire(const v1::Session& wire) {
  SessionInfo info;
  info.session_id = wire.session_id();
  info.model = wire.model();
  info.fingerprint = wire.fingerprint();
  info.memory_policy = wire.memory_policy() == v1::RESET ? MemoryPolicy::kReset
                                                         : MemoryPolicy::kCarry;
  info.durability = FromWire(wire.durability());
  info.head = {FromWire(wire.head()), wire.tail()};
  info.durable = FromWire(wire.durable());
  for (const v1::MemoryHandle& handle : wire.retained()) {
    info.retained.push_back(FromWire(handle));
  }
  for (const v1::MemoryHandle& handle : wire.pinned()) {
    info.pinned.push_back(FromWire(handle));
  }
  info.memory_bytes = wire.memory_bytes();
  info.created = FromWire(wire.created());
  info.last_used = FromWire(wire.last_used());
  if (wire.has_idle_ttl()) info.idle_ttl = FromWire(wire.idle_ttl());
  if (wire.has_max_age()) info.max_age = FromWire(wire.max_age());
  if (wire.has_expires()) info.expires = FromWire(wire.expires());
  return info;
}

ModelInfo FromWire(const v1::Model& wire) {
  ModelInfo info;
  info.name = wire.name();
  info.version = wire.version();
  info.architecture = wire.architecture();
  info.fingerprint = wire.fingerprint();
  info.numeric_mode = wire.numeric_mode();
  info.segment_size = wire.segment_size();
  info.vocab_size = wire.vocab_size();
  info.tokenizer = wire.tokenizer();
  for (const v1::TensorSpec& output : wire.outputs()) {
    info.outputs.push_back(output.name());
  }
  info.memory_bytes = wire.memory_bytes();
  info.device = wire.device();
  return info;
}

SegmentResult FromWire(const v1::AppliedSegment& wire) {
  SegmentResult result;
  result.handle = FromWire(wire.result().handle());
  result.num_tokens = wire.result().num_tokens();
  for (const v1::Tensor& output : wire.result().outputs()) {
    result.outputs.push_back(FromWire(output));
  }
  result.source = FromWire(wire.source());
  result.queue_time = FromWire(wire.timings().queue());
  result.device_time = FromWire(wire.timings().device());
  result.commit_time = FromWire(wire.timings().commit());
  result.batch_size = wire.batch_size();
  return result;
}

StreamReply FromWire(const v1::SegmentReply& wire) {
  StreamReply reply;
  for (const v1::AppliedSegment& segment : wire.segments()) {
    reply.segments.push_back(FromWire(segment));
  }
  reply.head = FromWire(wire.head());
  reply.durable = FromWire(wire.durable());
  reply.next = {FromWire(wire.next().handle()), wire.next().tail()};
  return reply;
}

v1::Durability ToWire(Durability durability) {
  switch (durability) {
    case Durability::kMemory:
      return v1::MEMORY;
    case Durability::kAsync:
      return v1::ASYNC;
    case Durability::kSync:
      return v1::SYNC;
    case Durability::kServerDefault:
      break;
  }
  return v1::DURABILITY_UNSPECIFIED;
}

v1::Priority ToWire(Priority priority) {
  switch (priority) {
    case Priority::kHigh:
      return v1::HIGH;
    case Priority::kLow:
      return v1::LOW;
    case Priority::kNormal:
      break;
  }
  return v1::NORMAL;
}

v1::OpenSessionRequest ToWire(const SessionSpec& spec) {
  v1::OpenSessionRequest wire;
  wire.set_session_id(spec.session_id);
  wire.set_model(spec.model);
  wire.set_memory_policy(
      spec.memory_policy == MemoryPolicy::kReset ? v1::RESET : v1::CARRY);
  wire.set_durability(ToWire(spec.durability));
  SetTtls(spec, wire);
  return wire;
}

v1::TouchSessionRequest ToWire(const SessionChanges& changes) {
  v1::TouchSessionRequest wire;
  for (const MemoryHandle& handle : changes.pin) {
    *wire.add_pin() = ToWire(handle);
  }
  for (const MemoryHandle& handle : changes.unpin) {
    *wire.add_unpin() = ToWire(handle);
  }
  SetTtls(changes, wire);
  return wire;
}

v1::SegmentRequest MakeRequest(const KeptInput::Message& message,
                               const StreamOptions& options,
                               const MemoryHandle* at) {
  v1::SegmentRequest request;
  if (at != nullptr) {
    request.set_session_id(at->session_id);
    *request.mutable_at()->mutable_handle() = ToWire(*at);
    for (const std::string& name : options.outputs.names) {
      request.mutable_outputs()->add_names(name);
    }
    request.mutable_outputs()->set_top_k(options.outputs.top_k);
    request.mutable_outputs()->set_last_position_only(
        options.outputs.last_position_only);
    request.set_priority(ToWire(options.priority));
  }
  if (options.text) {
    request.set_text(std::string(message.tokens.begin(), message.tokens.end()));
  } else {
    *request.mutable_tokens()->mutable_ids() = {message.tokens.begin(),
                                                message.tokens.end()};
  }
  if (message.flush_tail) {
    request.mutable_flush()->set_tail(*message.flush_tail);
  }
  return request;
}

v1::SegmentRequest MakeRequest(const SegmentMessage& message) {
  StreamOptions options;
  options.outputs = message.outputs;
  return MakeRequest({message.tokens, message.flush_tail, {}}, options,
                     &message.at);
}

}  // namespace mneme::client
