#include "server/rpc/write_reply.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mneme {
namespace {

using ::testing::ElementsAre;

MemoryHandle Handle(uint64_t step, uint8_t byte) {
  MemoryHandle handle;
  handle.session_id = "s";
  handle.step = step;
  handle.digest.fill(byte);
  return handle;
}

TEST(WriteReplyTest, AReplyHasEveryField) {
  AppliedSegment segment;
  segment.handle = Handle(2, 'b');
  segment.num_tokens = 8;
  segment.outputs = {{"logits", DType::kFloat32, {2, 1}, "12345678"}};
  segment.timings = {absl::Milliseconds(1), absl::Milliseconds(2),
                     absl::Milliseconds(3)};
  segment.batch_size = 5;
  SegmentReply reply;
  reply.segments = {segment};
  reply.head = {Handle(2, 'b'), 6};
  reply.durable = Handle(1, 'a');
  reply.next = {Handle(2, 'b'), 5};
  v1::SegmentReply message;
  WriteReply(reply, &message);

  const v1::AppliedSegment& applied = message.segments(0);
  EXPECT_EQ(applied.source(), v1::AppliedSegment::COMPUTED);
  EXPECT_EQ(applied.batch_size(), 5);
  EXPECT_EQ(applied.timings().device().nanos(), 2'000'000);
  EXPECT_EQ(applied.result().num_tokens(), 8);
  EXPECT_EQ(applied.result().handle().digest(), std::string(32, 'b'));
  const v1::Tensor& output = applied.result().outputs(0);
  EXPECT_EQ(output.dtype(), v1::F32);
  EXPECT_THAT(output.shape(), ElementsAre(2, 1));
  EXPECT_EQ(output.data(), "12345678");
  EXPECT_EQ(message.head().step(), 2);
  EXPECT_EQ(message.tail(), 6);
  EXPECT_EQ(message.durable().step(), 1);
  EXPECT_EQ(message.next().tail(), 5);
}

TEST(WriteReplyTest, AKeptSegmentHasNoTimings) {
  SegmentReply reply;
  reply.segments.emplace_back();
  reply.segments[0].source = SegmentSource::kKept;
  v1::SegmentReply message;
  WriteReply(reply, &message);
  EXPECT_EQ(message.segments(0).source(), v1::AppliedSegment::KEPT);
  EXPECT_FALSE(message.segments(0).has_timings());
}

TEST(WriteReplyTest, ASharedSegmentHasOnlyTheTimeOfItsCommit) {
  SegmentReply reply;
  AppliedSegment& segment = reply.segments.emplace_back();
  segment.source = SegmentSource::kShared;
  segment.timings.commit = absl::Milliseconds(3);
  v1::SegmentReply message;
  WriteReply(reply, &message);
  EXPECT_EQ(message.segments(0).source(), v1::AppliedSegment::SHARED);
  EXPECT_EQ(message.segments(0).timings().commit().nanos(), 3'000'000);
  EXPECT_EQ(message.segments(0).batch_size(), 0);
}

TEST(WriteReplyTest, ASessionHasEveryField) {
  SessionInfo info;
  info.key = {"t", "s"};
  info.model = "m";
  info.policy = MemoryPolicy::kReset;
  info.durability = Durability::kMemory;
  info.head = {Handle(2, 'b'), 3};
  info.durable = Handle(1, 'a');
  info.retained = {Handle(1, 'a'), Handle(2, 'b')};
  info.memory_bytes = 640;
  info.created = absl::FromUnixSeconds(100);
  info.last_used = absl::FromUnixSeconds(200);
  v1::Session message;
  WriteSession(info, &message);
  EXPECT_EQ(message.session_id(), "s");
  EXPECT_EQ(message.model(), "m");
  EXPECT_EQ(message.fingerprint().size(), 32);
  EXPECT_EQ(message.memory_policy(), v1::RESET);
  EXPECT_EQ(message.durability(), v1::MEMORY);
  EXPECT_EQ(message.head().step(), 2);
  EXPECT_EQ(message.tail(), 3);
  EXPECT_EQ(message.durable().step(), 1);
  EXPECT_EQ(message.retained_size(), 2);
  EXPECT_EQ(message.memory_bytes(), 640);
  EXPECT_EQ(message.created().seconds(), 100);
  EXPECT_EQ(message.last_used().seconds(), 200);
}

TEST(WriteReplyTest, AModelHasEveryField) {
  ModelSpec spec;
  spec.name = "m";
  spec.version = 3;
  spec.architecture = "rmt";
  spec.numeric_mode = "float32";
  spec.segment_size = 128;
  spec.vocab_size = 256;
  spec.tokenizer = "bytes";
  spec.extra_inputs = {{"decoder_tokens", 8}};
  spec.outputs = {{"argmax", DType::kInt32, {-1}}};
  spec.memory = {{"memory", DType::kBFloat16, {16, 4}}};
  v1::Model message;
  WriteModel(spec, "cuda:1", &message);
  EXPECT_EQ(message.name(), "m");
  EXPECT_EQ(message.version(), 3);
  EXPECT_EQ(message.architecture(), "rmt");
  EXPECT_EQ(message.numeric_mode(), "float32");
  EXPECT_EQ(message.segment_size(), 128);
  EXPECT_EQ(message.vocab_size(), 256);
  EXPECT_EQ(message.tokenizer(), "bytes");
  EXPECT_THAT(message.extra_inputs(), ElementsAre("decoder_tokens"));
  EXPECT_EQ(message.outputs(0).dtype(), v1::I32);
  EXPECT_THAT(message.memory(0).shape(), ElementsAre(16, 4));
  EXPECT_EQ(message.memory(0).dtype(), v1::BF16);
  EXPECT_EQ(message.memory_bytes(), 128);
  EXPECT_EQ(message.device(), "cuda:1");
}

}  // namespace
}  // namespace mneme
