// The program mneme-train, run as a user runs it.

#include <filesystem>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/model/train/tiny_model.h"
#include "tests/testing/child_process.h"
#include "tests/testing/temp_folder.h"

namespace mneme {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

struct Ended {
  int code;
  std::string output;
};

Ended RunProgram(const std::vector<std::string>& arguments) {
  ChildProcess program(MNEME_TRAIN, arguments);
  std::string output = program.ReadAll();
  return {program.Wait(), output};
}

class TrainMainTest : public ::testing::Test {
 protected:
  TrainMainTest() { folder_.Write("text", RecallText(2000)); }

  // A run that does not end by itself, with a line of progress at once.
  std::vector<std::string> Lm(const std::vector<std::string>& more) const {
    std::vector<std::string> arguments = {"lm",
                                          "--data",
                                          folder_.File("text"),
                                          "--out",
                                          Out(),
                                          "--valid-bytes",
                                          "80",
                                          "--layers",
                                          "1",
                                          "--width",
                                          "16",
                                          "--heads",
                                          "2",
                                          "--memory",
                                          "2",
                                          "--segment",
                                          "4",
                                          "--streams",
                                          "4",
                                          "--bptt",
                                          "2",
                                          "--threads",
                                          "1",
                                          "--log-every",
                                          "1",
                                          "--seconds",
                                          "1000000",
                                          "--eval-every",
                                          "0"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  std::string Out() const { return folder_.File("out"); }

  const TempFolder folder_;
};

TEST_F(TrainMainTest, HelpEndsWithZeroAndSaysWhatTheCodesMean) {
  const Ended all = RunProgram({"--help"});
  EXPECT_EQ(all.code, 0);
  EXPECT_THAT(all.output, AllOf(HasSubstr("lm"), HasSubstr("eval"),
                                HasSubstr("Ends with 0")));
  const Ended lm = RunProgram({"lm", "--help"});
  EXPECT_EQ(lm.code, 0);
  EXPECT_THAT(lm.output,
              AllOf(HasSubstr("--bptt"), HasSubstr("enwiki2015_AA.txt.xz"),
                    HasSubstr("128db011161be966")));
}

TEST_F(TrainMainTest, AnUnknownTaskAndNoneEndWithTwo) {
  const Ended unknown = RunProgram({"paint"});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_THAT(unknown.output, HasSubstr("A subcommand is required"));
  EXPECT_EQ(RunProgram({}).code, 2);
}

TEST_F(TrainMainTest, ABadFlagEndsWithTwoAndItsName) {
  const Ended none = RunProgram({"lm", "--out", Out()});
  EXPECT_EQ(none.code, 2);
  EXPECT_THAT(none.output, HasSubstr("--data"));
  const Ended text = RunProgram(Lm({"--threads", "many"}));
  EXPECT_EQ(text.code, 2);
  EXPECT_THAT(text.output, HasSubstr("--threads"));
  const Ended value =
      RunProgram({"eval", "--model", Out(), "--data", folder_.File("text"),
                  "--test-bytes", "80", "--precision", "half"});
  EXPECT_EQ(value.code, 2);
  EXPECT_THAT(value.output, HasSubstr("--precision \"half\"; expected"));
}

TEST_F(TrainMainTest, AMissingTextEndsWithOneItsPathAndWhereTextsComeFrom) {
  const Ended lm = RunProgram(
      {"lm", "--data", "/no/such/text", "--out", Out(), "--tokens", "1"});
  EXPECT_EQ(lm.code, 1);
  EXPECT_THAT(lm.output, AllOf(HasSubstr("--data /no/such/text"),
                               HasSubstr("model/zoo/wiki-rmt/CARD.md")));
}

TEST_F(TrainMainTest, AMissingModelEndsWithOneAndItsPath) {
  const Ended eval = RunProgram({"eval", "--model", "/no/such/model", "--data",
                                 folder_.File("text"), "--test-bytes", "80"});
  EXPECT_EQ(eval.code, 1);
  EXPECT_THAT(eval.output, HasSubstr("/no/such/model"));
}

class TrainMainSignalTest : public TrainMainTest,
                            public ::testing::WithParamInterface<int> {};

TEST_P(TrainMainSignalTest, EndsWithACheckpointThatResumeContinues) {
  {
    ChildProcess lm(MNEME_TRAIN, Lm({}));
    ASSERT_THAT(lm.ReadLine(),
                AllOf(HasSubstr("4 streams"), Not(HasSubstr("resumed"))));
    // The first update is done.
    ASSERT_THAT(lm.ReadUntil("bits/byte"), Not(""));
    lm.Signal(GetParam());
    EXPECT_THAT(lm.ReadAll(), HasSubstr("bits per byte: valid"));
    EXPECT_EQ(lm.Wait(), 0);
  }
  EXPECT_TRUE(std::filesystem::exists(Out() + "/checkpoint/SHA256SUMS"));
  // A limit that is passed already: it goes on and ends at once.
  const Ended resumed = RunProgram(Lm({"--resume", "--tokens", "1"}));
  EXPECT_EQ(resumed.code, 0);
  EXPECT_THAT(resumed.output, HasSubstr("resumed after update"));
  const Ended other = RunProgram(Lm({"--resume", "--lr", "1"}));
  EXPECT_EQ(other.code, 1);
  EXPECT_THAT(other.output, HasSubstr("--lr was 0.0015, is 1.0"));
  const Ended eval =
      RunProgram({"eval", "--model", Out(), "--data", folder_.File("text"),
                  "--test-bytes", "80", "--threads", "1"});
  EXPECT_EQ(eval.code, 0);
  EXPECT_THAT(eval.output, HasSubstr("bits per byte: valid"));
}

INSTANTIATE_TEST_SUITE_P(, TrainMainSignalTest,
                         ::testing::Values(SIGTERM, SIGINT));

}  // namespace
}  // namespace mneme
