#include "client/cli/cli.h"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/cli_fixture.h"

namespace mneme::cli {
namespace {

using ::mneme::testing::ErrorStatus;
using ::mneme::testing::FakeServer;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(CliTest, StreamEndsWithOneJsonObjectAndClosesItsSessions) {
  StartServer();
  std::string file = folder_.Write("text", kText);
  EXPECT_EQ(Run({"stream", file, "--json"}), 0) << err_.str();
  std::string out = out_.str();
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 1);
  nlohmann::json json = Json();
  EXPECT_EQ(json["segments"], 6);
  EXPECT_EQ(json["tokens"], 43);
  EXPECT_EQ(json["memory_bytes"], 4096);
  EXPECT_GT(json["bits_per_byte"].get<double>(), 0.1);
  EXPECT_EQ(json["errors"], 0);
  EXPECT_EQ(server_->session_count(), 0u);
}

TEST_F(CliTest, StreamPrintsATableForPeople) {
  StartServer();
  EXPECT_EQ(Run({"stream", folder_.Write("text", kText)}), 0);
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("bits per byte"),
                                HasSubstr("reply p99"), HasSubstr("4,096")));
}

TEST_F(CliTest, SessionsGetTheirPartsOfTheText) {
  StartServer();
  std::string file = folder_.Write("text", kText);
  EXPECT_EQ(Run({"stream", file, "--sessions", "3", "--session", "p", "--keep",
                 "--chunk", "5", "--reset-memory"}),
            0);
  EXPECT_EQ(
      server_->TextOf("p-0") + server_->TextOf("p-1") + server_->TextOf("p-2"),
      kText);
  EXPECT_EQ(server_->TextOf("p-0").size(), 14u);
}

TEST_F(CliTest, TheRecordHasALineForEachSegment) {
  StartServer();
  std::string record = folder_.File("record");
  EXPECT_EQ(Run({"stream", folder_.Write("text", kText), "--record", record}),
            0);
  std::vector<std::string> lines =
      absl::StrSplit(TempFolder::ReadFile(record), '\n', absl::SkipEmpty());
  ASSERT_EQ(lines.size(), 6u);
  nlohmann::json last = nlohmann::json::parse(lines[5]);
  EXPECT_EQ(last["step"], 6);
  EXPECT_EQ(last["argmax"], nlohmann::json({'d' + 1, 'o' + 1, 'g' + 1}));
  EXPECT_EQ(last["log_probs"].size(), 3u);
}

TEST_F(CliTest, HandlesLetALaterRunGoOn) {
  StartServer();
  std::string file = folder_.Write("text", kText);
  std::string handles = folder_.File("handles");
  ASSERT_EQ(Run({"stream", file, "--session", "p", "--limit", "24", "--handles",
                 handles}),
            0)
      << err_.str();
  EXPECT_EQ(server_->StepOf("p-0"), 3u);
  nlohmann::json line = nlohmann::json::parse(TempFolder::ReadFile(handles));
  EXPECT_EQ(line["begin"], 24);
  line["end"] = 43;
  folder_.Write("handles", line.dump());
  ASSERT_EQ(Run({"stream", "--resume", handles, "--keep", "--json"}), 0)
      << err_.str();
  EXPECT_EQ(server_->TextOf("p-0"), kText);
  EXPECT_EQ(Json()["segments"], 3);
}

TEST_F(CliTest, ASessionOfSomebodyElsesIsAnErrorAndStaysOpen) {
  StartServer();
  server_->AddFault({2, ErrorStatus(grpc::StatusCode::DATA_LOSS,
                                    "checksum of s/1", "DATA_LOSS")});
  EXPECT_EQ(
      Run({"stream", folder_.Write("text", kText), "--session", "p", "--json"}),
      1);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("p-0"), HasSubstr("DATA_LOSS"),
                                HasSubstr("checksum")));
  EXPECT_EQ(Json()["errors"], 1);
  EXPECT_EQ(server_->session_count(), 1u);
}

TEST_F(CliTest, RetriesAreCountedAndShown) {
  StartServer();
  server_->AddFault(
      {2, ErrorStatus(grpc::StatusCode::RESOURCE_EXHAUSTED, "full",
                      "QUEUE_FULL", absl::Milliseconds(1))});
  EXPECT_EQ(Run({"stream", folder_.Write("text", kText), "--json"}), 0);
  EXPECT_EQ(Json()["retries"], 1);
  EXPECT_EQ(Json()["segments"], 6);
  EXPECT_THAT(err_.str(),
              AllOf(HasSubstr("resuming from"), HasSubstr("goes on")));
}

TEST_F(CliTest, AServerThatIsAwayIsExplained) {
  StartServer();
  server_->Kill();
  EXPECT_EQ(Run({"stream", folder_.Write("text", kText), "--json"}), 1);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr(server_->address()),
                                HasSubstr("mnemed --model DIR")));
  EXPECT_THAT(out_.str(), IsEmpty());
  server_->Restart();
}

TEST_F(CliTest, WrongInputIsNamedBeforeASessionIsOpened) {
  StartServer();
  std::string file = folder_.Write("text", kText);
  EXPECT_EQ(Run({"stream", folder_.File("none")}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("no such file"));
  EXPECT_EQ(Run({"stream", file, "--model", "other"}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("other"));
  EXPECT_EQ(Run({"stream", file, "--outputs", "logits"}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("--outputs logits: model fake has argmax"));
  EXPECT_EQ(server_->session_count(), 0u);
}

TEST_F(CliTest, AModelWithoutATokenizerTakesNoText) {
  FakeServer::Options options;
  options.tokenizer = "";
  StartServer(options);
  EXPECT_EQ(Run({"stream", folder_.Write("text", kText)}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("takes token ids, not text"));
}

TEST_F(CliTest, AnIdInUseClosesWhatWasOpened) {
  StartServer();
  std::string file = folder_.Write("text", kText);
  ASSERT_EQ(Run({"stream", file, "--session", "p", "--keep"}), 0);
  EXPECT_EQ(Run({"stream", file, "--session", "p", "--sessions", "2"}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("ALREADY_EXISTS"));
  EXPECT_EQ(server_->session_count(), 1u);
}

TEST_F(CliTest, SessionsListsEveryPage) {
  StartServer();
  std::string file = folder_.Write("text", kText);
  ASSERT_EQ(
      Run({"stream", file, "--session", "p", "--sessions", "3", "--keep"}), 0);
  EXPECT_EQ(Run({"sessions"}), 0);
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("SESSION"), HasSubstr("p-0"),
                                HasSubstr("p-2"), HasSubstr("carry")));
  EXPECT_EQ(Run({"sessions", "--json"}), 0);
  EXPECT_EQ(Json()["session"], "p-2");
  EXPECT_EQ(Json()["memory_bytes"], 4096);
}

TEST_F(CliTest, ModelsListsTheModels) {
  StartServer();
  EXPECT_EQ(Run({"models"}), 0);
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("fake"), HasSubstr("oracle")));
  EXPECT_EQ(Run({"models", "--json"}), 0);
  EXPECT_EQ(Json()["segment_size"], 8);
  EXPECT_EQ(Json()["tokenizer"], "bytes");
}

}  // namespace
}  // namespace mneme::cli
