#include "model/train/lm_task.h"

#include <ATen/ops/zeros.h>

#include <atomic>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/load_model.h"
#include "model/train/train_checkpoint.h"
#include "tests/model/train/tiny_model.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_folder.h"

namespace mneme {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class LmTaskTest : public ::testing::Test {
 protected:
  LmTaskTest() {
    options_.data = folder_.Write("text", RecallText(60000));
    options_.splits = {0, 1600, 1600};
    options_.out = folder_.File("model");
    options_.model = TinyShape(2, 4);
    options_.model.width = 32;
    options_.streams = 16;
    options_.bptt = "2";
    options_.reset_probability = 0.05;
    options_.learning_rate = 3e-3;
    options_.embedding_std = 0.1;
    options_.eval_every = 0;
    options_.eval_streams = 10;
    options_.threads = 1;
    options_.tokens = 20 * 16 * 8;
    options_.log_every = 1;
  }

  absl::StatusOr<LmScores> Run() {
    return RunLmTask(options_, Clock::Real(), &stop_);
  }
  // Update and training loss of each line of the CSV: what is determined.
  std::vector<std::string> Curve(const std::string& file) const {
    std::vector<std::string> curve;
    for (absl::string_view line : absl::StrSplit(folder_.Read(file), '\n')) {
      const std::vector<std::string> fields = absl::StrSplit(line, ',');
      if (fields.size() > 6) curve.push_back(fields[0] + " " + fields[5]);
    }
    return curve;
  }

  const TempFolder folder_;
  LmOptions options_;
  std::atomic<bool> stop_{false};
};

TEST_F(LmTaskTest, LearnsToRecallAcrossSegmentsWithItsMemoryOnly) {
  options_.tokens = 450000;
  options_.log_every = 200;
  ASSERT_OK_AND_ASSIGN(const LmScores scores, Run());
  EXPECT_LT(scores.test_carry, 0.6);
  EXPECT_LT(scores.valid_carry, 0.6);
  EXPECT_GT(scores.test_reset, 0.7);
  options_.model.memory = 0;
  options_.out = folder_.File("plain");
  options_.tokens = 100000;
  ASSERT_OK_AND_ASSIGN(const LmScores plain, Run());
  EXPECT_GT(plain.test_carry, 0.7);
  EXPECT_EQ(plain.test_carry, plain.test_reset);
}

TEST_F(LmTaskTest, AResumedRunContinuesTheSameCurveBitForBit) {
  options_.bptt = "2:0.5,4:0.5";
  ASSERT_THAT(Run(), IsOk());
  const std::string weights = folder_.Read("model/model.safetensors");
  const auto curve = Curve("model/train.csv");

  options_.out = folder_.File("second");
  options_.seconds = 1e9;
  LmOptions half = options_;
  half.checkpoint_every = 0;
  // Asks for a stop when it was asked for the time often enough.
  class StopAfter final : public Clock {
   public:
    StopAfter(int calls, std::atomic<bool>* stop) : left_(calls), stop_(stop) {}
    absl::Duration Monotonic() const override {
      if (--left_ == 0) stop_->store(true);
      return absl::ZeroDuration();
    }
    absl::Time Wall() const override { return absl::UnixEpoch(); }
    void WaitUntil(MutexLock&, std::condition_variable&,
                   absl::Duration) override {}

   private:
    mutable int left_;
    std::atomic<bool>* stop_;
  } stopping(30, &stop_);
  ASSERT_THAT(RunLmTask(half, &stopping, &stop_), IsOk());
  ASSERT_LT(Curve("second/train.csv").size(), curve.size());
  ASSERT_GT(Curve("second/train.csv").size(), 3u);

  stop_ = false;
  options_.resume = true;
  ASSERT_THAT(Run(), IsOk());
  EXPECT_EQ(Curve("second/train.csv"), curve);
  EXPECT_TRUE(folder_.Read("second/model.safetensors") == weights);
}

TEST_F(LmTaskTest, TheSameSeedGivesTheSameModel) {
  ASSERT_THAT(Run(), IsOk());
  const std::string first = folder_.Read("model/model.safetensors");
  options_.out = folder_.File("again");
  ASSERT_THAT(Run(), IsOk());
  EXPECT_TRUE(folder_.Read("again/model.safetensors") == first);
  options_.out = folder_.File("other");
  options_.seed = 2;
  ASSERT_THAT(Run(), IsOk());
  EXPECT_FALSE(folder_.Read("other/model.safetensors") == first);
}

TEST_F(LmTaskTest, EndsCleanlyWhenItsSecondsAreSpent) {
  options_.tokens = 0;
  options_.seconds = 5;
  class Ticking final : public Clock {
   public:
    absl::Duration Monotonic() const override {
      return now_ += absl::Milliseconds(50);
    }
    absl::Time Wall() const override { return absl::UnixEpoch(); }
    void WaitUntil(MutexLock&, std::condition_variable&,
                   absl::Duration) override {}

   private:
    mutable absl::Duration now_;
  } clock;
  ASSERT_THAT(RunLmTask(options_, &clock, &stop_), IsOk());
  EXPECT_THAT(LoadModel(folder_.File("model"), {}), IsOk());
  EXPECT_THAT(LoadCheckpoint(folder_.File("model/checkpoint")), IsOk());
  EXPECT_THAT(folder_.Read("model/eval.json"), HasSubstr("test_carry"));
  EXPECT_GT(Curve("model/train.csv").size(), 3u);
}

TEST_F(LmTaskTest, AStopRequestStillLeavesAModel) {
  stop_ = true;
  ASSERT_THAT(Run(), IsOk());
  EXPECT_THAT(LoadModel(folder_.File("model"), {}), IsOk());
}

TEST_F(LmTaskTest, RefusesACheckpointOfAnotherRunAndNamesWhatDiffers) {
  ASSERT_THAT(Run(), IsOk());
  options_.resume = true;
  const auto refused = [this](auto change, const std::string& what) {
    LmOptions other = options_;
    change(&other);
    EXPECT_THAT(
        RunLmTask(other, Clock::Real(), &stop_),
        StatusIs(absl::StatusCode::kFailedPrecondition,
                 AllOf(HasSubstr("--resume"), HasSubstr("checkpoint/state"),
                       HasSubstr(what))));
  };
  refused([](auto* o) { o->model.layers = 1; }, "--layers was 2, is 1");
  refused([](auto* o) { o->learning_rate = 1; }, "--lr was 0.003, is 1.0");
  refused([](auto* o) { o->bptt = "1"; }, "--bptt was \"2\", is \"1\"");
  refused([](auto* o) { o->precision = "bfloat16"; }, "--precision");
  refused([](auto* o) { o->splits.valid = 800; }, "--valid-bytes");
  refused([this](auto* o) { o->data = folder_.Write("b", RecallText(60001)); },
          "--data (its sha256)");
}

TEST_F(LmTaskTest, LimitsAndIntervalsMayChangeWhenARunIsResumed) {
  ASSERT_THAT(Run(), IsOk());
  options_.resume = true;
  options_.tokens *= 2;
  options_.log_every = 3;
  options_.precision = "float32";  // what it was by default
  options_.checkpoint_piece_bytes = kLeastPieceBytes;
  ASSERT_THAT(Run(), IsOk());
  EXPECT_GT(Curve("model/train.csv").size(), 22u);
}

TEST_F(LmTaskTest, ADamagedCheckpointIsDataLossAndNoFreshStart) {
  ASSERT_THAT(Run(), IsOk());
  options_.resume = true;
  const std::string sums = folder_.Read("model/checkpoint/SHA256SUMS");
  const auto resume_with = [&](auto change) {
    auto checkpoint = LoadCheckpoint(folder_.File("model/checkpoint"));
    EXPECT_THAT(checkpoint, IsOk());
    TrainCheckpoint bad = *checkpoint;
    change(&bad);
    EXPECT_OK(SaveCheckpoint(folder_.File("model/checkpoint"), bad, 0));
    EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kDataLoss,
                                HasSubstr("checkpoint/state.json")));
    EXPECT_OK(SaveCheckpoint(folder_.File("model/checkpoint"), *checkpoint, 0));
  };
  resume_with([](auto* c) { c->state["updates"] = "many"; });
  resume_with([](auto* c) { c->state["seconds"] = "many"; });
  resume_with([](auto* c) { c->state.erase("position"); });
  resume_with([](auto* c) { c->tensors.erase("master"); });
  resume_with([](auto* c) { c->tensors["steps"] = at::zeros({2}); });
  resume_with([](auto* c) { c->tensors["steps"] = at::zeros({1}, at::kLong); });
  EXPECT_THAT(Run(), IsOk());
  folder_.Write("model/checkpoint/SHA256SUMS", sums.substr(1));
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(LmTaskTest, TellsThatTrainingDiverged) {
  options_.learning_rate = 1e30;
  options_.warmup = 0;
  options_.tokens = 400 * 16 * 8;
  EXPECT_THAT(Run(),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("diverged")));
}

TEST_F(LmTaskTest, RefusesBadOptionsByCodeFlagAndExpectation) {
  const auto refused = [this](auto change, const std::string& what) {
    LmOptions bad = options_;
    change(&bad);
    EXPECT_THAT(RunLmTask(bad, Clock::Real(), &stop_),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(what)));
  };
  refused([](auto* o) { o->device = "quantum"; },
          "--device \"quantum\"; expected \"cpu\", \"cuda\"");
  refused([](auto* o) { o->precision = "half"; },
          "--precision \"half\"; expected");
  refused([](auto* o) { o->threads = -1; }, "--threads -1; expected 0 or more");
  refused([](auto* o) { o->streams = 0; }, "--streams 0; expected at least 1");
}

TEST_F(LmTaskTest, NamesAMissingDeviceAndAMissingText) {
  options_.device = "cuda:77";
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kFailedPrecondition,
                              HasSubstr("--device \"cuda:77\"")));
  options_.device = "cpu";
  options_.data = folder_.File("none");
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kNotFound, HasSubstr("none")));
}

}  // namespace
}  // namespace mneme
