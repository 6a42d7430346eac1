#include "model/memory/rmt.h"

#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include "model/memory/oracle.h"
#include "tests/model/memory/rmt_fixture.h"

namespace mneme {
namespace {

using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Pointwise;
constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

TEST_F(RmtTest, RowsDoNotDependOnTheirNeighbours) {
  OutputRequest everything, last, none;
  everything.names = {"log_probs", "logits"};
  last.names = {"top_k_log_probs"};
  last.top_k = 3;
  last.last_position_only = true;
  const MemoryRef used = Stream(SomeTokens(kSegment, 9)).memory;
  const Tokens a = SomeTokens(kSegment, 5), b = SomeTokens(3, 6),
               c = SomeTokens(kSegment, 7), d = SomeTokens(1, 8);
  std::vector<StepRow> rows(5);
  rows[0] = {a, {}, model_->InitialMemory(), true, false, &everything};
  rows[1] = {b, {}, used, false, false, &last};
  rows[2] = {c, {}, used, false, true, &everything};
  rows[3] = {d, {}, used, false, false, &everything};
  rows[4] = {a, {}, used, false, false, nullptr};
  ASSERT_OK_AND_ASSIGN(const auto together, model_->Step(rows));
  for (size_t i = 0; i < rows.size(); ++i) {
    const StepResult alone = StepOne(rows[i]);
    ASSERT_EQ(together[i].outputs.size(), alone.outputs.size());
    for (size_t o = 0; o < alone.outputs.size(); ++o) {
      EXPECT_EQ(together[i].outputs[o].name, alone.outputs[o].name);
      EXPECT_EQ(together[i].outputs[o].shape, alone.outputs[o].shape);
      const std::vector<float> x = Floats(together[i].outputs[o].data);
      const std::vector<float> y = Floats(alone.outputs[o].data);
      for (size_t k = 0; k < y.size(); ++k) {
        if (std::isnan(y[k])) {
          EXPECT_TRUE(std::isnan(x[k]));
        } else {
          EXPECT_NEAR(x[k], y[k], 2e-5) << "row " << i;
        }
      }
    }
    EXPECT_THAT(Floats(Bytes(together[i].memory)),
                Pointwise(FloatNear(kTolerance), Floats(Bytes(alone.memory))));
  }
}

TEST_F(RmtTest, TheLastPositionAloneIsWhatItIsAmongAll) {
  OutputRequest all, last;
  all.names = last.names = {"log_probs", "logits", "hidden_states"};
  last.last_position_only = true;
  const MemoryRef used = Stream(SomeTokens(kSegment, 25)).memory;
  for (const size_t length : {size_t{1}, size_t{2}, size_t{3}, kSegment}) {
    const Tokens tokens = SomeTokens(length, 26);
    const StepResult whole = StepOne({tokens, {}, used, false, false, &all});
    const StepResult end = StepOne({tokens, {}, used, false, false, &last});
    for (size_t o = 0; o < all.names.size(); ++o) {
      const std::vector<float> expected = Floats(whole.outputs[o].data);
      const std::vector<float> found = Floats(end.outputs[o].data);
      ASSERT_EQ(found.size() * length, expected.size());
      EXPECT_THAT(found, Pointwise(FloatNear(kTolerance),
                                   std::vector<float>(
                                       expected.end() -
                                           static_cast<ptrdiff_t>(found.size()),
                                       expected.end())))
          << all.names[o] << " of " << length;
    }
    EXPECT_THAT(Floats(Bytes(end.memory)),
                Pointwise(FloatNear(kTolerance), Floats(Bytes(whole.memory))));
  }
}

TEST_F(RmtTest, SteppingTwiceFromOneMemoryGivesTheSameBytes) {
  const MemoryRef parent = Stream(SomeTokens(kSegment, 10)).memory;
  const std::string before = Bytes(parent);
  const Tokens tokens = SomeTokens(kSegment, 11), other = SomeTokens(5, 12);
  StepRow row;
  row.tokens = tokens;
  row.memory = parent;
  const std::string first = Bytes(StepOne(row).memory);
  row.tokens = other;
  const std::string different = Bytes(StepOne(row).memory);
  row.tokens = tokens;
  EXPECT_EQ(Bytes(StepOne(row).memory), first);
  EXPECT_NE(different, first);
  EXPECT_EQ(Bytes(parent), before);
}

TEST_F(RmtTest, AStepSavesTheMemoriesItIsAskedFor) {
  const Tokens a = SomeTokens(3, 20), b = SomeTokens(kSegment, 21),
               c = SomeTokens(5, 22);
  const MemoryRef used = Stream(SomeTokens(kSegment, 23)).memory;
  std::vector<StepRow> rows(3);
  rows[0] = {a, {}, used, false, false, nullptr, /*save=*/true};
  rows[1] = {b, {}, used, false, false, nullptr, /*save=*/false};
  rows[2] = {c, {}, used, false, false, nullptr, /*save=*/true};
  ASSERT_OK_AND_ASSIGN(const auto results, model_->Step(rows));
  EXPECT_EQ(results[0].saved_memory, Bytes(results[0].memory));
  EXPECT_EQ(results[1].saved_memory, "");
  EXPECT_EQ(results[2].saved_memory, Bytes(results[2].memory));
}

TEST_F(RmtTest, StepsInFlightLeaveEachOtherAlone) {
  OutputRequest request;
  request.names = {"hidden_states", "argmax", "log_probs"};
  const MemoryRef used = Stream(SomeTokens(kSegment, 24)).memory;
  std::vector<std::unique_ptr<StepInFlight>> steps;
  std::vector<StepResult> alone;
  for (uint32_t i = 0; i < 3; ++i) {
    const Tokens tokens = SomeTokens(kSegment, 30 + i);
    StepRow row = {tokens, {}, used, false, false, &request, /*save=*/true};
    alone.push_back(StepOne(row));
    ASSERT_OK_AND_ASSIGN(auto step, model_->Start({&row, 1}));
    steps.push_back(std::move(step));
  }
  for (size_t i = 0; i < steps.size(); ++i) {
    ASSERT_OK_AND_ASSIGN(const auto results, steps[i]->Wait());
    EXPECT_EQ(results[0].saved_memory, alone[i].saved_memory);
    for (size_t o = 0; o < alone[i].outputs.size(); ++o) {
      EXPECT_EQ(results[0].outputs[o].data, alone[i].outputs[o].data) << o;
    }
  }
}

TEST_F(RmtTest, LoadedBytesAreTheSavedOnes) {
  std::vector<MemoryRef> memories;
  for (uint32_t i = 0; i < 70; ++i) {
    memories.push_back(Stream(SomeTokens(3, i)).memory);
  }
  ASSERT_OK_AND_ASSIGN(const auto saved, model_->Save(memories));
  const std::vector<absl::string_view> views(saved.begin(), saved.end());
  ASSERT_OK_AND_ASSIGN(const auto loaded, model_->Load(views));
  memories.clear();
  ASSERT_OK_AND_ASSIGN(const auto again, model_->Save(loaded));
  EXPECT_EQ(again, saved);
}

TEST_F(RmtTest, ARestoredMemoryContinuesWithTheSameBytes) {
  const Tokens tokens = SomeTokens(kSegment, 13);
  const MemoryRef memory = Stream(SomeTokens(kSegment, 14)).memory;
  ASSERT_OK_AND_ASSIGN(const auto other,
                       LoadModel(BundledGolden("rmt_gpt2"), TestOptions()));
  const std::string saved = Bytes(memory);
  ASSERT_OK_AND_ASSIGN(const auto restored, other->Load({saved}));
  StepRow here, there;
  here.tokens = there.tokens = tokens;
  here.memory = memory;
  there.memory = restored[0];
  ASSERT_OK_AND_ASSIGN(const auto moved, other->Step({&there, 1}));
  ASSERT_OK_AND_ASSIGN(const auto bytes, other->Save({&moved[0].memory, 1}));
  EXPECT_EQ(Bytes(StepOne(here).memory), bytes[0]);
}

TEST_F(RmtTest, DroppedMemoriesAreReusedAndLiveOnesAreNot) {
  const Tokens tokens = SomeTokens(4, 15);
  const MemoryRef kept = Stream(tokens).memory;
  const std::string before = Bytes(kept);
  for (uint32_t i = 0; i < 300; ++i) Stream(SomeTokens(2, i));
  EXPECT_EQ(Bytes(kept), before);
}

TEST_F(RmtTest, MemoriesMayOutliveTheModelAndDieOnAnyThread) {
  MemoryRef memory = Stream(SomeTokens(4, 16)).memory;
  model_.reset();
  std::thread([moved = std::move(memory)]() mutable { moved.reset(); }).join();
}

TEST_F(RmtTest, MemoryOfAnotherSizeOrModelIsRefused) {
  EXPECT_THAT(model_->Load({"short"}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("5 bytes")));
  ModelConfig config;
  config.segment_size = 4;
  config.vocab_size = 8;
  ASSERT_OK_AND_ASSIGN(const auto oracle, MakeOracle(config));
  ASSERT_OK_AND_ASSIGN(const auto twin,
                       LoadModel(BundledGolden("rmt_gpt2"), TestOptions()));
  const Tokens tokens = {1};
  for (const MemoryRef& foreign :
       {oracle->InitialMemory(), twin->InitialMemory()}) {
    StepRow row;
    row.tokens = tokens;
    row.memory = foreign;
    EXPECT_THAT(model_->Step({&row, 1}),
                StatusIs(kInvalid, HasSubstr("row 0: its memory")));
    EXPECT_THAT(model_->Save({&foreign, 1}), StatusIs(kInvalid));
  }
}

TEST_F(RmtTest, TokensAndOutputsThatAreNoneAreRefused) {
  const Tokens beyond = {static_cast<int32_t>(kVocab)};
  const Tokens good = {1};
  OutputRequest unknown, no_k;
  unknown.names = {"perplexity"};
  no_k.names = {"top_k"};
  no_k.top_k = kVocab + 1;
  const MemoryRef initial = model_->InitialMemory();
  const StepRow rows[] = {{beyond, {}, initial, true, false, nullptr},
                          {good, {}, initial, true, false, &unknown},
                          {good, {}, initial, true, false, &no_k}};
  const char* problems[] = {"tokens[0] is 61", "perplexity", "top_k is 62"};
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_THAT(model_->Step({&rows[i], 1}),
                StatusIs(kInvalid, HasSubstr(problems[i])));
  }
}

TEST_F(RmtTest, AnEmptyBatchIsNothing) {
  EXPECT_THAT(model_->Step({}), IsOkAndHolds(::testing::IsEmpty()));
  EXPECT_THAT(model_->Save({}), IsOkAndHolds(::testing::IsEmpty()));
  EXPECT_THAT(model_->Load({}), IsOkAndHolds(::testing::IsEmpty()));
}

TEST_F(RmtTest, BFloat16StaysNearFloat32) {
  const Tokens tokens = SomeTokens(2 * kSegment, 17);
  const Streamed exact = Stream(tokens);
  ModelOptions options = TestOptions();
  options.precision = "bfloat16";
  ASSERT_OK_AND_ASSIGN(model_, LoadModel(BundledGolden("rmt_gpt2"), options));
  const Streamed rounded = Stream(tokens);
  double difference = 0;
  for (size_t i = 0; i < exact.logits.size(); ++i) {
    difference += std::abs(static_cast<double>(exact.logits[i]) -
                           static_cast<double>(rounded.logits[i]));
  }
  difference /= static_cast<double>(exact.logits.size());
  EXPECT_GT(difference, 1e-5);
  EXPECT_LT(difference, 0.05);
}

}  // namespace
}  // namespace mneme
