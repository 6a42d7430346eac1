#include "model/memory/oracle.h"

#include <cstring>
#include <set>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/memory/null.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Tokens = std::vector<int32_t>;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

ModelConfig Config() {
  ModelConfig config;
  config.architecture = "oracle";
  config.name = "oracle";
  config.segment_size = 4;
  config.vocab_size = 50;
  config.extra_inputs = {"decoder_tokens"};
  return config;
}

template <typename T>
std::vector<T> Values(const HostTensor& tensor) {
  std::vector<T> values(tensor.data.size() / sizeof(T));
  if (!values.empty()) {
    std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
  }
  return values;
}

class OracleTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(model_, MakeOracle(Config()));
    request_.names = {"state"};
  }

  // REQUIRES: `tokens` outlive the row.
  StepRow Row(const Tokens& tokens, MemoryRef memory, bool fresh) {
    StepRow row;
    row.tokens = tokens;
    row.memory = std::move(memory);
    row.fresh = fresh;
    row.request = &request_;
    return row;
  }

  StepResult StepOne(const StepRow& row) {
    auto results = model_->Step({&row, 1});
    EXPECT_THAT(results, IsOk());
    return results.ok() ? results->front() : StepResult();
  }

  // The states after a stream that is cut into these segments.
  std::vector<int64_t> Run(const std::vector<Tokens>& segments) {
    std::vector<int64_t> states;
    MemoryRef memory = model_->InitialMemory();
    for (size_t i = 0; i < segments.size(); ++i) {
      const StepResult result = StepOne(Row(segments[i], memory, i == 0));
      for (const int64_t state : Values<int64_t>(result.outputs[0])) {
        states.push_back(state);
      }
      memory = result.memory;
    }
    return states;
  }

  std::unique_ptr<SequenceModel> model_;
  OutputRequest request_;
};

TEST_F(OracleTest, StateIsTheFunctionOfEveryTokenSoFar) {
  const std::vector<int64_t> states = Run({{1, 2, 3, 4}, {5, 6}});
  const Tokens all = {1, 2, 3, 4, 5, 6};
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(states[i],
              OracleState(absl::MakeConstSpan(all).subspan(0, i + 1)));
  }
}

TEST_F(OracleTest, CutsDoNotChangeStates) {
  EXPECT_EQ(Run({{1, 2, 3, 4}, {5}}), Run({{1, 2}, {3, 4, 5}}));
}

TEST_F(OracleTest, LostDoubledReorderedAndLeakedSegmentsShow) {
  const Tokens a = {1, 2}, b = {3, 4}, c = {5, 6};
  std::set<int64_t> ends;
  const std::vector<std::vector<Tokens>> streams = {
      {a, b, c}, {a, c}, {a, b, b, c}, {b, a, c},
      {c, b, a}, {a, b}, {a, a, c},    {c, b, c}};
  for (const auto& stream : streams) ends.insert(Run(stream).back());
  EXPECT_EQ(ends.size(), streams.size());
}

TEST_F(OracleTest, ArgmaxIsTheStateModuloTheVocabulary) {
  request_.names = {"argmax", "state"};
  const Tokens tokens = {7, 8, 9};
  const StepResult result = StepOne(Row(tokens, model_->InitialMemory(), true));
  const auto ids = Values<int32_t>(result.outputs[0]);
  const auto states = Values<int64_t>(result.outputs[1]);
  for (size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(static_cast<uint64_t>(ids[i]),
              static_cast<uint64_t>(states[i]) % 50);
  }
  request_.last_position_only = true;
  const StepResult last = StepOne(Row(tokens, model_->InitialMemory(), true));
  EXPECT_THAT(Values<int32_t>(last.outputs[0]), ElementsAre(ids.back()));
  EXPECT_THAT(Values<int64_t>(last.outputs[1]), ElementsAre(states.back()));
}

TEST_F(OracleTest, SteppingTwiceFromOneMemoryGivesTheSame) {
  const MemoryRef memory =
      StepOne(Row({1, 2}, model_->InitialMemory(), true)).memory;
  const auto first = StepOne(Row({3}, memory, false));
  const auto other = StepOne(Row({4}, memory, false));
  const auto again = StepOne(Row({3}, memory, false));
  EXPECT_EQ(first.outputs[0].data, again.outputs[0].data);
  EXPECT_NE(first.outputs[0].data, other.outputs[0].data);
}

TEST_F(OracleTest, ResetStartsFromTheInitialMemory) {
  const MemoryRef memory =
      StepOne(Row({1, 2}, model_->InitialMemory(), true)).memory;
  const Tokens tokens = {3, 4};
  StepRow row = Row(tokens, memory, false);
  row.reset_memory = true;
  EXPECT_EQ(Values<int64_t>(StepOne(row).outputs[0]).back(),
            OracleState(tokens));
}

TEST_F(OracleTest, DecodedMixesStateAndDecoderTokensAndLeavesMemoryAlone) {
  request_.names = {"decoded"};
  const Tokens tokens = {1, 2};
  const std::vector<NamedTokens> input = {{"decoder_tokens", {9, 8, 7}}};
  StepRow row = Row(tokens, model_->InitialMemory(), true);
  row.extra_inputs = input;
  const StepResult result = StepOne(row);
  EXPECT_EQ(Values<int64_t>(result.outputs[0]),
            OracleDecode(OracleState(tokens), input[0].tokens));
  row.extra_inputs = {};
  const StepResult without = StepOne(row);
  EXPECT_THAT(Values<int64_t>(without.outputs[0]), ElementsAre());
  ASSERT_OK_AND_ASSIGN(const auto saved,
                       model_->Save({result.memory, without.memory}));
  EXPECT_EQ(saved[0], saved[1]);
}

TEST_F(OracleTest, SavedMemoryContinuesTheStream) {
  const MemoryRef memory =
      StepOne(Row({1, 2}, model_->InitialMemory(), true)).memory;
  ASSERT_OK_AND_ASSIGN(const auto saved, model_->Save({&memory, 1}));
  EXPECT_EQ(static_cast<int64_t>(saved[0].size()),
            model_->spec().memory_bytes());
  ASSERT_OK_AND_ASSIGN(const auto loaded, model_->Load({saved[0]}));
  EXPECT_EQ(Values<int64_t>(StepOne(Row({3}, loaded[0], false)).outputs[0]),
            std::vector<int64_t>({OracleState({1, 2, 3})}));
  EXPECT_THAT(model_->Load({saved[0].substr(1)}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("23 bytes")));
}

TEST_F(OracleTest, AFreshFlagThatLiesIsRefused) {
  const MemoryRef memory =
      StepOne(Row({1}, model_->InitialMemory(), true)).memory;
  const Tokens tokens = {1};
  const StepRow lies[] = {Row(tokens, memory, true),
                          Row(tokens, model_->InitialMemory(), false)};
  for (const StepRow& row : lies) {
    EXPECT_THAT(model_->Step({&row, 1}),
                StatusIs(kInvalid, HasSubstr("row 0: fresh")));
  }
}

TEST_F(OracleTest, RowsThatBreakTheContractAreNamed) {
  const MemoryRef initial = model_->InitialMemory();
  const Tokens good = {1}, none = {}, many = {1, 2, 3, 4, 5}, negative = {-1},
               beyond = {3, 50};
  const std::vector<NamedTokens> unknown = {{"images", {1}}};
  const std::vector<NamedTokens> outside = {{"decoder_tokens", {51}}};
  OutputRequest nothing_such;
  nothing_such.names = {"logits"};
  struct Case {
    StepRow row;
    const char* problem;
  };
  std::vector<Case> cases = {{Row(none, initial, true), "0 tokens"},
                             {Row(many, initial, true), "5 tokens"},
                             {Row(negative, initial, true), "tokens[0] is -1"},
                             {Row(beyond, initial, true), "tokens[1] is 50"},
                             {Row(good, nullptr, true), "no memory"},
                             {Row(good, initial, true), "\"images\""},
                             {Row(good, initial, true), "decoder_tokens[0]"},
                             {Row(good, initial, true), "\"logits\""}};
  cases[5].row.extra_inputs = unknown;
  cases[6].row.extra_inputs = outside;
  cases[7].row.request = &nothing_such;
  for (const Case& c : cases) {
    const StepRow rows[] = {Row(good, initial, true), c.row};
    EXPECT_THAT(model_->Step(rows),
                StatusIs(kInvalid, ::testing::AllOf(HasSubstr("row 1"),
                                                    HasSubstr(c.problem))));
  }
}

TEST_F(OracleTest, AnotherModelsMemoryIsRefused) {
  ModelConfig config = Config();
  config.architecture = "null";
  config.extra_inputs = {};
  ASSERT_OK_AND_ASSIGN(const auto null, MakeNull(config));
  const MemoryRef foreign = null->InitialMemory();
  const Tokens tokens = {1};
  const StepRow row = Row(tokens, foreign, true);
  EXPECT_THAT(model_->Step({&row, 1}),
              StatusIs(kInvalid, HasSubstr("another model")));
  EXPECT_THAT(model_->Save({&foreign, 1}),
              StatusIs(kInvalid, HasSubstr("another model")));
}

TEST(NullTest, GivesZerosAndKeepsItsMemory) {
  ModelConfig config = Config();
  config.architecture = "null";
  config.extra_inputs = {};
  ASSERT_OK_AND_ASSIGN(const auto model, MakeNull(config));
  const Tokens tokens = {1, 2, 3};
  OutputRequest request;
  request.names = {"argmax"};
  StepRow row;
  row.tokens = tokens;
  row.memory = model->InitialMemory();
  row.request = &request;
  ASSERT_OK_AND_ASSIGN(const auto results, model->Step({&row, 1}));
  EXPECT_THAT(Values<int32_t>(results[0].outputs[0]), ElementsAre(0, 0, 0));
  EXPECT_EQ(results[0].memory, row.memory);
  ASSERT_OK_AND_ASSIGN(const auto saved, model->Save({&row.memory, 1}));
  EXPECT_EQ(saved[0], std::string(16, '\0'));
  EXPECT_THAT(model->Load({saved[0]}), IsOk());
  EXPECT_THAT(model->Load({"junk"}), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(NullTest, DifferentConfigsHaveDifferentFingerprints) {
  ModelConfig config = Config();
  ASSERT_OK_AND_ASSIGN(const auto oracle, MakeOracle(config));
  config.segment_size = 5;
  ASSERT_OK_AND_ASSIGN(const auto longer, MakeOracle(config));
  config.architecture = "null";
  ASSERT_OK_AND_ASSIGN(const auto null, MakeNull(config));
  EXPECT_NE(oracle->spec().fingerprint, longer->spec().fingerprint);
  EXPECT_NE(longer->spec().fingerprint, null->spec().fingerprint);
}

}  // namespace
}  // namespace mneme
