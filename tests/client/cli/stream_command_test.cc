// What `mneme stream` leaves behind: no error and no interrupt may cost a
// session or the handles that name it. (StreamRun is tested here too.)

#include "client/cli/stream_command.h"

#include <filesystem>
#include <string>
#include <vector>

#include "client/cli/handles_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/cli_fixture.h"
#include "tests/testing/status_matchers.h"

namespace mneme::cli {
namespace {

using ::mneme::testing::ErrorStatus;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr char kNowhere[] = "/no/such/folder/file";

class StreamCommandTest : public CliTest {
 protected:
  void SetUp() override { StartServer(); }

  // Two sessions, p-0 and p-1 for prefix p, that stopped after 16 bytes of
  // their own files and go on from the file "handles".
  void StopHalfway(const std::string& prefix = "p") {
    std::vector<std::string> files;
    for (const char* name : {"a", "b"}) {
      files.push_back(folder_.Write(name, kText));
    }
    ASSERT_EQ(Run({"stream", files[0], files[1], "--session", prefix, "--limit",
                   "16", "--handles", handles_}),
              0)
        << err_.str();
    ASSERT_OK_AND_ASSIGN(auto points, ReadHandles(handles_));
    for (ResumePoint& point : points) point.rest.end = 43;
    ASSERT_THAT(WriteHandles(handles_, points), IsOk());
    before_ = TempFolder::ReadFile(handles_);
  }

  const std::string handles_ = folder_.File("handles");
  std::string before_;  // what StopHalfway() left in it
};

TEST_F(StreamCommandTest, ARecordThatCannotBeWrittenOpensNoSession) {
  const std::string file = folder_.Write("text", kText);
  folder_.Write("handles", "of another run");
  EXPECT_EQ(Run({"stream", file, "--record", kNowhere, "--handles", handles_}),
            1);
  EXPECT_THAT(err_.str(), HasSubstr(kNowhere));
  EXPECT_EQ(TempFolder::ReadFile(handles_), "of another run");
  EXPECT_THAT(server_->session_metadata(), IsEmpty());
}

TEST_F(StreamCommandTest, ARecordThatCannotBeWrittenCostsNoResumedSession) {
  StopHalfway();
  EXPECT_EQ(Run({"stream", "--resume", handles_, "--record", kNowhere}), 1);
  EXPECT_EQ(server_->session_count(), 2u);
  EXPECT_EQ(Run({"stream", "--resume", handles_, "--handles", handles_,
                 "--record", kNowhere}),
            1);
  EXPECT_EQ(TempFolder::ReadFile(handles_), before_);
  EXPECT_EQ(server_->session_count(), 2u);
}

TEST_F(StreamCommandTest, HandlesThatCannotBeWrittenOpenNoSession) {
  const std::string file = folder_.Write("text", kText);
  EXPECT_EQ(Run({"stream", file, "--handles", kNowhere}), 1);
  EXPECT_THAT(err_.str(), HasSubstr(kNowhere));
  EXPECT_THAT(server_->session_metadata(), IsEmpty());
}

TEST_F(StreamCommandTest, TheRecordIsAFileOfItsOwn) {
  StopHalfway();
  const std::string text = folder_.File("a");
  EXPECT_EQ(Run({"stream", text, "--record", text}), 1);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("--record"), HasSubstr(text)));
  EXPECT_EQ(TempFolder::ReadFile(text), kText);
  EXPECT_EQ(Run({"stream", "--resume", handles_, "--record", handles_}), 1);
  EXPECT_EQ(Run({"stream", text, "--handles", handles_, "--record", handles_}),
            1);
  EXPECT_EQ(TempFolder::ReadFile(handles_), before_);
  EXPECT_EQ(server_->session_count(), 2u);
}

TEST_F(StreamCommandTest, AStartThatFailsPartWayKeepsEveryHandle) {
  StopHalfway();
  std::filesystem::remove(folder_.File("b"));
  EXPECT_EQ(Run({"stream", "--resume", handles_, "--handles", handles_}), 1);
  EXPECT_THAT(err_.str(), HasSubstr(folder_.File("b")));
  ASSERT_OK_AND_ASSIGN(auto points, ReadHandles(handles_));
  ASSERT_THAT(points, SizeIs(2));
  EXPECT_EQ(points[0].handle.session_id, "p-0");
  EXPECT_EQ(points[1].handle.session_id, "p-1");
  EXPECT_EQ(points[1].handle.step, 2u);
  EXPECT_EQ(points[1].rest.begin, 16u);
  EXPECT_EQ(server_->session_count(), 2u);
}

TEST_F(StreamCommandTest, AStartThatFailsClosesNothing) {
  StopHalfway();
  std::filesystem::remove(folder_.File("b"));
  EXPECT_EQ(Run({"stream", "--resume", handles_}), 1);
  EXPECT_EQ(server_->session_count(), 2u);
  EXPECT_EQ(TempFolder::ReadFile(handles_), before_);
}

TEST_F(StreamCommandTest, OutputsThatAResumedModelLacksAreNamed) {
  StopHalfway();
  EXPECT_EQ(Run({"stream", "--resume", handles_, "--handles", handles_,
                 "--outputs", "logits"}),
            1);
  EXPECT_THAT(err_.str(), HasSubstr("--outputs logits"));
  EXPECT_EQ(TempFolder::ReadFile(handles_), before_);
  EXPECT_EQ(server_->session_count(), 2u);
}

TEST_F(StreamCommandTest, ResumedSessionsStayOpenAtTheEnd) {
  StopHalfway();
  EXPECT_EQ(Run({"stream", "--resume", handles_, "--json"}), 0) << err_.str();
  EXPECT_EQ(server_->TextOf("p-0"), kText);
  EXPECT_EQ(server_->TextOf("p-1"), kText);
  EXPECT_EQ(Json()["tokens"], 2 * (43 - 16));
  EXPECT_EQ(server_->session_count(), 2u);
}

TEST_F(StreamCommandTest, WhatStaysOpenIsSaidAfterSuccessToo) {
  const std::string file = folder_.Write("text", kText);
  ASSERT_EQ(Run({"stream", file, "--session", "p", "--sessions", "2", "--keep",
                 "--json"}),
            0);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("left open: 2 sessions: p-0 p-1\n"),
                                HasSubstr("mneme close p-0 p-1 --server " +
                                          server_->address()),
                                HasSubstr("With --handles FILE")));
  EXPECT_EQ(Json()["segments"], 6);
  StopHalfway("q");
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("mneme stream --resume " + handles_),
                                HasSubstr("raise \"end\"")));
  ASSERT_EQ(Run({"stream", "--resume", handles_}), 0);
  EXPECT_THAT(err_.str(), HasSubstr("left open: 2 sessions: q-0 q-1\n"));
}

TEST_F(StreamCommandTest, ClosedSessionsAreNotSaidToBeOpen) {
  ASSERT_EQ(Run({"stream", folder_.Write("text", kText)}), 0);
  EXPECT_THAT(err_.str(), Not(HasSubstr("left open")));
}

TEST_F(StreamCommandTest, ManySessionsAreNotAllNamed) {
  const std::string file = folder_.Write("text", kText);
  ASSERT_EQ(
      Run({"stream", file, "--session", "p", "--sessions", "9", "--keep"}), 0);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("p-7 ..."), Not(HasSubstr("p-8")),
                                HasSubstr("mneme sessions")));
}

TEST_F(StreamCommandTest, ARunWithNothingLeftSaysSo) {
  const std::string file = folder_.Write("text", kText);
  ASSERT_EQ(Run({"stream", file, "--handles", handles_}), 0) << err_.str();
  EXPECT_THAT(err_.str(), Not(HasSubstr("nothing left to do")));
  EXPECT_EQ(
      Run({"stream", "--resume", handles_, "--handles", handles_, "--json"}), 0)
      << err_.str();
  EXPECT_THAT(err_.str(), HasSubstr("nothing left to do"));
  EXPECT_EQ(Json()["segments"], 0);
}

TEST_F(StreamCommandTest, AnInterruptedRunLeavesItsSessionsAndSaysSo) {
  server_->Hold();
  interrupted_ = true;
  EXPECT_EQ(Run({"stream", folder_.Write("text", kText)}), 130);
  server_->Release();
  EXPECT_EQ(server_->session_count(), 1u);
  EXPECT_THAT(err_.str(), HasSubstr("left open: 1 session: "));
}

TEST_F(StreamCommandTest, AnInterruptedResumedRunLosesNoSession) {
  StopHalfway();
  server_->Hold();
  interrupted_ = true;
  EXPECT_EQ(Run({"stream", "--resume", handles_}), 130);
  EXPECT_EQ(server_->session_count(), 2u);
  EXPECT_EQ(Run({"stream", "--resume", handles_, "--handles", handles_}), 130);
  server_->Release();
  EXPECT_THAT(err_.str(), HasSubstr("mneme stream --resume " + handles_));
  interrupted_ = false;
  EXPECT_EQ(Run({"stream", "--resume", handles_}), 0) << err_.str();
  EXPECT_EQ(server_->TextOf("p-0"), kText);
  EXPECT_EQ(server_->TextOf("p-1"), kText);
}

TEST_F(StreamCommandTest, AnErrorOfOneSessionClosesNone) {
  server_->AddFault({3, ErrorStatus(grpc::StatusCode::DATA_LOSS, "torn", "")});
  const std::string file = folder_.Write("text", kText);
  EXPECT_EQ(Run({"stream", file, "--sessions", "2", "--json"}), 1);
  EXPECT_EQ(Json()["errors"], 1);
  EXPECT_EQ(server_->session_count(), 2u);
}

}  // namespace
}  // namespace mneme::cli
