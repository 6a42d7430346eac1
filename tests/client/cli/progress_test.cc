#include "client/cli/progress.h"

#include <algorithm>
#include <sstream>
#include <string>

#include "client/cli/explain.h"
#include "client/error.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/fake_server.h"

namespace mneme::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(ProgressTest, OnATerminalTheBarRedrawsItself) {
  std::ostringstream out;
  Progress progress(out, /*terminal=*/true, 1000);
  progress.Update(500, 4, absl::Seconds(1));
  EXPECT_THAT(out.str(), AllOf(HasSubstr("[=============="), HasSubstr("50 %"),
                               HasSubstr("500 tokens/s"), HasSubstr("1 s left"),
                               Not(HasSubstr("\n"))));
  progress.Note("a note");
  progress.Update(1000, 8, absl::Seconds(2));
  progress.Finish();
  EXPECT_THAT(out.str(), AllOf(HasSubstr("\r\x1b[Ka note\n"),
                               HasSubstr("100 %"), ::testing::EndsWith("\n")));
}

TEST(ProgressTest, TheBarCanShowMoreThanTokens) {
  std::ostringstream out;
  Progress progress(out, /*terminal=*/true, 0);
  progress.Show(0.25, 300, 4, absl::Seconds(3));
  EXPECT_THAT(out.str(), AllOf(HasSubstr("25 %"), HasSubstr("100 tokens/s"),
                               HasSubstr("9 s left")));
  progress.Show(1.5, 300, 4, absl::Seconds(3));
  EXPECT_THAT(out.str(), HasSubstr("100 %"));
}

TEST(ProgressTest, ElsewhereItIsALineForEachTenth) {
  std::ostringstream out;
  Progress progress(out, /*terminal=*/false, 1000);
  for (uint64_t tokens = 0; tokens <= 1000; tokens += 10) {
    progress.Update(tokens, tokens / 10, absl::Seconds(1));
  }
  progress.Finish();
  std::string text = out.str();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 10);
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(ExplainTest, AServerThatIsAwayIsSaidHowToStart) {
  std::string text = Explain(absl::UnavailableError("refused"), "host:1");
  EXPECT_THAT(text, AllOf(HasSubstr("host:1"), HasSubstr("refused"),
                          HasSubstr("mnemed --model DIR")));
}

TEST(ExplainTest, ReasonsAndMetadataAreShown) {
  absl::Status conflict = client::FromGrpc(
      testing::ErrorStatus(grpc::StatusCode::ABORTED, "elsewhere",
                           "VERSION_CONFLICT", {}, {{"head", "s/7/00"}}));
  EXPECT_THAT(Explain(conflict, "h:1"),
              AllOf(HasSubstr("VERSION_CONFLICT"), HasSubstr("elsewhere"),
                    HasSubstr("head s/7/00"), HasSubstr("somebody else")));
  absl::Status draining = client::FromGrpc(
      testing::ErrorStatus(grpc::StatusCode::UNAVAILABLE, "bye", "DRAINING"));
  EXPECT_THAT(Explain(draining, "h:1"),
              AllOf(HasSubstr("DRAINING"), Not(HasSubstr("mnemed --model"))));
}

}  // namespace
}  // namespace mneme::cli
