#include "server/rpc/write_reply.h"

#include <string>
#include <utility>

#include "server/rpc/wire_time.h"

namespace mneme {
namespace {

v1::DataType WireEnum(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return v1::F32;
    case DType::kBFloat16:
      return v1::BF16;
    case DType::kFloat16:
      return v1::F16;
    case DType::kInt64:
      return v1::I64;
    case DType::kInt32:
      return v1::I32;
    case DType::kUint8:
      return v1::U8;
  }
  return v1::DATA_TYPE_UNSPECIFIED;
}

v1::AppliedSegment::Source WireEnum(SegmentSource source) {
  switch (source) {
    case SegmentSource::kComputed:
      return v1::AppliedSegment::COMPUTED;
    case SegmentSource::kKept:
      return v1::AppliedSegment::KEPT;
    case SegmentSource::kRecomputed:
      return v1::AppliedSegment::RECOMPUTED;
    case SegmentSource::kShared:
      return v1::AppliedSegment::SHARED;
  }
  return v1::AppliedSegment::SOURCE_UNSPECIFIED;
}

v1::Durability WireEnum(Durability durability) {
  switch (durability) {
    case Durability::kMemory:
      return v1::MEMORY;
    case Durability::kAsync:
      return v1::ASYNC;
    case Durability::kSync:
      return v1::SYNC;
  }
  return v1::DURABILITY_UNSPECIFIED;
}

void WriteTensor(HostTensor tensor, v1::Tensor* message) {
  message->set_name(std::move(tensor.name));
  message->set_dtype(WireEnum(tensor.dtype));
  message->mutable_shape()->Add(tensor.shape.begin(), tensor.shape.end());
  message->set_data(std::move(tensor.data));
}

void WriteSpec(const TensorSpec& spec, v1::TensorSpec* message) {
  message->set_name(spec.name);
  message->set_dtype(WireEnum(spec.dtype));
  message->mutable_shape()->Add(spec.shape.begin(), spec.shape.end());
}

void WriteSegment(AppliedSegment segment, v1::AppliedSegment* message) {
  v1::SegmentResult* result = message->mutable_result();
  WriteHandle(segment.handle, result->mutable_handle());
  result->set_num_tokens(segment.num_tokens);
  for (HostTensor& output : segment.outputs) {
    WriteTensor(std::move(output), result->add_outputs());
  }
  message->set_source(WireEnum(segment.source));
  if (segment.source == SegmentSource::kKept) return;
  v1::Timings* timings = message->mutable_timings();
  ToWire(segment.timings.queue, timings->mutable_queue());
  ToWire(segment.timings.device, timings->mutable_device());
  ToWire(segment.timings.commit, timings->mutable_commit());
  message->set_batch_size(static_cast<uint32_t>(segment.batch_size));
}

}  // namespace

void WriteReply(SegmentReply reply, v1::SegmentReply* message) {
  for (AppliedSegment& segment : reply.segments) {
    WriteSegment(std::move(segment), message->add_segments());
  }
  WriteHandle(reply.head.handle, message->mutable_head());
  message->set_tail(static_cast<uint32_t>(reply.head.tail));
  WriteHandle(reply.durable, message->mutable_durable());
  WriteHandle(reply.next.handle, message->mutable_next()->mutable_handle());
  message->mutable_next()->set_tail(static_cast<uint32_t>(reply.next.tail));
}

void WriteHandle(const MemoryHandle& handle, v1::MemoryHandle* message) {
  message->set_session_id(handle.session_id);
  message->set_step(handle.step);
  message->set_digest(std::string(AsBytes(handle.digest)));
}

void WriteSession(const SessionInfo& info, v1::Session* message) {
  message->set_session_id(info.key.session_id);
  message->set_model(info.model);
  message->set_fingerprint(std::string(AsBytes(info.fingerprint)));
  message->set_memory_policy(info.policy == MemoryPolicy::kReset ? v1::RESET
                                                                 : v1::CARRY);
  message->set_durability(WireEnum(info.durability));
  WriteHandle(info.head.handle, message->mutable_head());
  message->set_tail(static_cast<uint32_t>(info.head.tail));
  WriteHandle(info.durable, message->mutable_durable());
  for (const MemoryHandle& handle : info.retained) {
    WriteHandle(handle, message->add_retained());
  }
  for (const MemoryHandle& handle : info.pinned) {
    WriteHandle(handle, message->add_pinned());
  }
  message->set_memory_bytes(static_cast<uint64_t>(info.memory_bytes));
  ToWire(info.created, message->mutable_created());
  ToWire(info.last_used, message->mutable_last_used());
  if (info.ttl.idle < absl::InfiniteDuration()) {
    ToWire(info.ttl.idle, message->mutable_idle_ttl());
  }
  if (info.ttl.max_age < absl::InfiniteDuration()) {
    ToWire(info.ttl.max_age, message->mutable_max_age());
  }
  if (info.expires < absl::InfiniteFuture()) {
    ToWire(info.expires, message->mutable_expires());
  }
}

void WriteModel(const ModelSpec& spec, const std::string& device,
                v1::Model* message) {
  message->set_name(spec.name);
  message->set_version(spec.version);
  message->set_architecture(spec.architecture);
  message->set_fingerprint(std::string(AsBytes(spec.fingerprint)));
  message->set_numeric_mode(spec.numeric_mode);
  message->set_segment_size(static_cast<uint32_t>(spec.segment_size));
  message->set_vocab_size(static_cast<uint32_t>(spec.vocab_size));
  message->set_tokenizer(spec.tokenizer);
  for (const ExtraInput& input : spec.extra_inputs) {
    message->add_extra_inputs(input.name);
  }
  for (const TensorSpec& output : spec.outputs) {
    WriteSpec(output, message->add_outputs());
  }
  for (const TensorSpec& tensor : spec.memory) {
    WriteSpec(tensor, message->add_memory());
  }
  message->set_memory_bytes(static_cast<uint64_t>(spec.memory_bytes()));
  message->set_device(device);
}

}  // namespace mneme
