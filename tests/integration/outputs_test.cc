// Every output of a language model, through a real server, against what the
// reference implementation's logits say.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "model/load_model.h"
#include "tests/integration/test_server.h"
#include "tests/parity/golden_case.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::testing::ElementsAre;

constexpr int64_t kVocabulary = 61;
constexpr int64_t kWidth = 32;
constexpr int64_t kK = 5;
constexpr double kTolerance = 1e-4;
const std::vector<std::string> kNames = {"top_k", "hidden_states", "argmax",
                                         "top_k_log_probs", "logits"};

std::vector<int32_t> Ids(const v1::Tensor& tensor) {
  std::vector<int32_t> ids(tensor.data().size() / sizeof(int32_t));
  std::memcpy(ids.data(), tensor.data().data(), tensor.data().size());
  return ids;
}

// The logits of one position, and what follows from them.
class Scored {
 public:
  explicit Scored(absl::Span<const float> logits) : logits_(logits) {
    double sum = 0;
    for (const float logit : logits) sum += std::exp(double{logit});
    log_sum_ = std::log(sum);
    sorted_.assign(logits.begin(), logits.end());
    std::sort(sorted_.rbegin(), sorted_.rend());
  }

  double logit(int32_t id) const {
    return double{logits_.at(static_cast<size_t>(id))};
  }
  double log_prob(int32_t id) const { return logit(id) - log_sum_; }
  // The logit of the id that is `rank`th, from 0.
  double best(size_t rank) const { return double{sorted_[rank]}; }

 private:
  absl::Span<const float> logits_;
  std::vector<float> sorted_;
  double log_sum_ = 0;
};

// One session that sends the golden run's segments, row 0.
class OutputsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string folder = BundledGolden("rmt_gpt2");
    ASSERT_OK_AND_ASSIGN(golden_, ReadGoldenCase(folder));
    const ModelOptions options = {.device = TestDevice(),
                                  .precision = "float32"};
    ASSERT_OK_AND_ASSIGN(model_, LoadModel(folder, options));
    Config config;
    config.device = TestDevice();
    config.precision = "float32";
    server_ =
        std::make_unique<TestServer>(std::vector<std::string>{folder}, config);
  }

  // The outputs of each segment, by name.
  using Outputs = std::map<std::string, v1::Tensor>;
  std::vector<Outputs> Run(const std::string& id, bool last_only) {
    std::vector<Outputs> all;
    v1::Position next = PositionOf(server_->Open(id));
    for (const GoldenSegment& segment : golden_.segments) {
      const std::vector<int32_t>& tokens = segment.tokens[0];
      v1::SegmentRequest request = RequestAt(id, next, tokens, kNames);
      request.mutable_outputs()->set_top_k(kK);
      request.mutable_outputs()->set_last_position_only(last_only);
      request.mutable_flush()->set_tail(static_cast<uint32_t>(tokens.size()));
      const v1::SegmentReply reply = server_->Process(request);
      next = reply.next();
      Outputs& outputs = all.emplace_back();
      for (const v1::Tensor& tensor : reply.segments(0).result().outputs()) {
        outputs[tensor.name()] = tensor;
      }
      EXPECT_EQ(reply.segments(0).result().outputs(0).name(), kNames[0])
          << "outputs come in the order of the request";
    }
    return all;
  }

  GoldenCase golden_;
  std::unique_ptr<SequenceModel> model_;
  std::unique_ptr<TestServer> server_;
};

TEST_F(OutputsTest, FollowFromTheReferencesLogits) {
  const std::vector<Outputs> all = Run("a", /*last_only=*/false);
  for (size_t s = 0; s < all.size(); ++s) {
    const auto tokens =
        static_cast<int64_t>(golden_.segments[s].tokens[0].size());
    const auto reference = golden_.segments[s].results.at("logits").Row(0);
    Outputs outputs = all[s];
    EXPECT_THAT(outputs["argmax"].shape(), ElementsAre(tokens));
    EXPECT_THAT(outputs["top_k"].shape(), ElementsAre(tokens, kK));
    EXPECT_THAT(outputs["top_k_log_probs"].shape(), ElementsAre(tokens, kK));
    EXPECT_THAT(outputs["logits"].shape(), ElementsAre(tokens, kVocabulary));
    EXPECT_EQ(outputs["argmax"].dtype(), v1::I32);
    EXPECT_EQ(outputs["top_k"].dtype(), v1::I32);
    EXPECT_EQ(outputs["top_k_log_probs"].dtype(), v1::F32);
    const std::vector<int32_t> argmax = Ids(outputs["argmax"]);
    const std::vector<int32_t> top = Ids(outputs["top_k"]);
    const std::vector<float> log_probs =
        Floats(outputs["top_k_log_probs"].data());
    ASSERT_EQ(log_probs.size(), top.size());
    for (size_t t = 0; t < argmax.size(); ++t) {
      const Scored position(reference.subspan(t * kVocabulary, kVocabulary));
      EXPECT_NEAR(position.logit(argmax[t]), position.best(0), kTolerance);
      for (size_t k = 0; k < kK; ++k) {
        const int32_t id = top[t * kK + k];
        EXPECT_NEAR(position.logit(id), position.best(k), kTolerance)
            << "segment " << s << " position " << t << " rank " << k;
        EXPECT_NEAR(double{log_probs[t * kK + k]}, position.log_prob(id),
                    kTolerance);
      }
    }
  }
}

TEST_F(OutputsTest, HiddenStatesAreThoseOfTheModelInThisProcess) {
  const std::vector<Outputs> all = Run("a", /*last_only=*/false);
  const OutputRequest request = {.names = {"hidden_states"}};
  MemoryRef memory = model_->InitialMemory();
  for (size_t s = 0; s < all.size(); ++s) {
    StepRow row;
    row.tokens = golden_.segments[s].tokens[0];
    row.memory = memory;
    row.fresh = s == 0;
    row.request = &request;
    ASSERT_OK_AND_ASSIGN(const auto results, model_->Step({row}));
    memory = results[0].memory;
    Outputs outputs = all[s];
    const v1::Tensor& hidden = outputs["hidden_states"];
    const auto tokens = static_cast<int64_t>(row.tokens.size());
    EXPECT_THAT(hidden.shape(), ElementsAre(tokens, kWidth));
    EXPECT_EQ(hidden.dtype(), v1::F32);
    EXPECT_THAT(Floats(hidden.data()),
                ::testing::Pointwise(::testing::FloatNear(1e-4F),
                                     Floats(results[0].outputs[0].data)));
  }
}

TEST_F(OutputsTest, OfTheLastPositionOnlyAreTheLastOnesOfAll) {
  const std::vector<Outputs> every = Run("a", /*last_only=*/false);
  const std::vector<Outputs> last = Run("b", /*last_only=*/true);
  ASSERT_EQ(last.size(), every.size());
  for (size_t s = 0; s < last.size(); ++s) {
    for (const auto& [name, tensor] : last[s]) {
      const v1::Tensor& whole = every[s].at(name);
      ASSERT_GT(tensor.shape_size(), 0);
      EXPECT_EQ(tensor.shape(0), 1) << name;
      ASSERT_LE(tensor.data().size(), whole.data().size());
      const std::string end =
          whole.data().substr(whole.data().size() - tensor.data().size());
      if (tensor.dtype() == v1::I32) {
        EXPECT_EQ(tensor.data(), end) << name;
      } else {
        EXPECT_THAT(
            Floats(tensor.data()),
            ::testing::Pointwise(::testing::FloatNear(1e-4F), Floats(end)))
            << name;
      }
    }
  }
}

}  // namespace
}  // namespace mneme
