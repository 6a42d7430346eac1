#include "client/wire.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mneme::client {
namespace {

using ::testing::ElementsAre;

const MemoryHandle kHandle{"s", 7, std::string(32, 'd')};

TEST(WireTest, HandlesGoThereAndBack) {
  EXPECT_EQ(FromWire(ToWire(kHandle)), kHandle);
}

TEST(WireTest, TheFirstRequestSaysWhereItGoesAndWhatItWants) {
  StreamOptions options;
  options.text = true;
  options.outputs = {{"log_probs", "top_k"}, 5, true};
  options.priority = Priority::kLow;
  KeptInput::Message message;
  message.tokens = {'h', 'i', 0xff, 0};
  message.flush_tail = 4;
  v1::SegmentRequest request = MakeRequest(message, options, &kHandle);
  EXPECT_EQ(request.session_id(), "s");
  EXPECT_EQ(FromWire(request.at().handle()), kHandle);
  EXPECT_EQ(request.at().tail(), 0u);
  EXPECT_EQ(request.text(), std::string("hi\xff\0", 4));
  EXPECT_EQ(request.flush().tail(), 4u);
  EXPECT_THAT(request.outputs().names(), ElementsAre("log_probs", "top_k"));
  EXPECT_EQ(request.outputs().top_k(), 5u);
  EXPECT_TRUE(request.outputs().last_position_only());
  EXPECT_EQ(request.priority(), v1::LOW);
}

TEST(WireTest, LaterRequestsContinue) {
  KeptInput::Message message;
  message.tokens = {1, 2, 70000};
  v1::SegmentRequest request = MakeRequest(message, StreamOptions(), nullptr);
  EXPECT_FALSE(request.has_at());
  EXPECT_FALSE(request.has_outputs());
  EXPECT_FALSE(request.has_flush());
  EXPECT_TRUE(request.session_id().empty());
  EXPECT_THAT(request.tokens().ids(), ElementsAre(1, 2, 70000));
}

TEST(WireTest, ASessionsFieldsArrive) {
  v1::Session wire;
  wire.set_session_id("s");
  wire.set_model("zoo");
  wire.set_memory_policy(v1::RESET);
  wire.set_durability(v1::MEMORY);
  *wire.mutable_head() = ToWire(kHandle);
  wire.set_tail(3);
  *wire.mutable_durable() = ToWire({"s", 6, "older"});
  *wire.add_retained() = ToWire(kHandle);
  wire.set_memory_bytes(99);
  wire.mutable_last_used()->set_seconds(1'700'000'000);
  SessionInfo info = FromWire(wire);
  EXPECT_EQ(info.model, "zoo");
  EXPECT_EQ(info.memory_policy, MemoryPolicy::kReset);
  EXPECT_EQ(info.durability, Durability::kMemory);
  EXPECT_EQ(info.head.handle, kHandle);
  EXPECT_EQ(info.head.tail, 3u);
  EXPECT_EQ(info.durable.step, 6u);
  EXPECT_THAT(info.retained, ElementsAre(kHandle));
  EXPECT_EQ(info.memory_bytes, 99u);
  EXPECT_EQ(info.last_used, absl::FromUnixSeconds(1'700'000'000));
}

TEST(WireTest, TtlsThatAreNotSaidAreUnset) {
  EXPECT_FALSE(ToWire(SessionSpec()).has_idle_ttl());
  EXPECT_FALSE(ToWire(SessionSpec()).has_max_age());
  SessionChanges changes;
  changes.idle_ttl = absl::InfiniteDuration();  // the type's largest
  EXPECT_EQ(ToWire(changes).idle_ttl().seconds(), 315'576'000'000);
  EXPECT_EQ(ToWire(changes).idle_ttl().nanos(), 0);
  changes.idle_ttl = absl::Milliseconds(2500);
  EXPECT_EQ(ToWire(changes).idle_ttl().seconds(), 2);
  EXPECT_EQ(ToWire(changes).idle_ttl().nanos(), 500'000'000);
}

TEST(WireTest, ASegmentsTimesSourceAndOutputsArrive) {
  v1::AppliedSegment wire;
  *wire.mutable_result()->mutable_handle() = ToWire(kHandle);
  wire.mutable_result()->set_num_tokens(2);
  v1::Tensor* tensor = wire.mutable_result()->add_outputs();
  tensor->set_name("logits");
  tensor->set_dtype(v1::BF16);
  tensor->add_shape(2);
  tensor->add_shape(3);
  tensor->set_data("123456789012");
  wire.set_source(v1::AppliedSegment::RECOMPUTED);
  wire.set_batch_size(16);
  wire.mutable_timings()->mutable_queue()->set_nanos(1000);
  wire.mutable_timings()->mutable_device()->set_seconds(2);
  wire.mutable_timings()->mutable_commit()->set_nanos(5);
  SegmentResult segment = FromWire(wire);
  EXPECT_EQ(segment.handle, kHandle);
  EXPECT_EQ(segment.num_tokens, 2u);
  EXPECT_EQ(segment.source, ResultSource::kRecomputed);
  EXPECT_EQ(segment.batch_size, 16u);
  EXPECT_EQ(segment.queue_time, absl::Microseconds(1));
  EXPECT_EQ(segment.device_time, absl::Seconds(2));
  EXPECT_EQ(segment.commit_time, absl::Nanoseconds(5));
  ASSERT_EQ(segment.outputs.size(), 1u);
  EXPECT_EQ(segment.outputs[0].type, ElementType::kBF16);
  EXPECT_THAT(segment.outputs[0].shape, ElementsAre(2, 3));
  EXPECT_EQ(segment.outputs[0].data.size(), 12u);
}

TEST(WireTest, EverySourceArrives) {
  const std::vector<std::pair<v1::AppliedSegment::Source, ResultSource>> all = {
      {v1::AppliedSegment::COMPUTED, ResultSource::kComputed},
      {v1::AppliedSegment::KEPT, ResultSource::kKept},
      {v1::AppliedSegment::RECOMPUTED, ResultSource::kRecomputed},
      {v1::AppliedSegment::SHARED, ResultSource::kShared}};
  for (const auto& [source, expected] : all) {
    v1::AppliedSegment wire;
    wire.set_source(source);
    EXPECT_EQ(FromWire(wire).source, expected);
  }
  EXPECT_EQ(all.size(), static_cast<size_t>(v1::AppliedSegment::Source_MAX));
}

TEST(WireTest, EveryDurabilityAndElementTypeHasItsNumber) {
  for (Durability durability : {Durability::kServerDefault, Durability::kMemory,
                                Durability::kAsync, Durability::kSync}) {
    SessionSpec spec;
    spec.durability = durability;
    v1::Session wire;
    wire.set_durability(ToWire(spec).durability());
    EXPECT_EQ(FromWire(wire).durability, durability);
  }
  const std::vector<ElementType> types = {
      ElementType::kUnknown, ElementType::kF32, ElementType::kBF16,
      ElementType::kF16,     ElementType::kI64, ElementType::kI32,
      ElementType::kU8};
  for (int i = v1::DataType_MIN; i <= v1::DataType_MAX; ++i) {
    v1::AppliedSegment wire;
    wire.mutable_result()->add_outputs()->set_dtype(
        static_cast<v1::DataType>(i));
    EXPECT_EQ(FromWire(wire).outputs[0].type, types[static_cast<size_t>(i)]);
  }
}

}  // namespace
}  // namespace mneme::client
