#include "client/cli/arguments.h"

#include <cstdlib>
#include <sstream>
#include <string>
#include <variant>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mneme::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

class ArgumentsTest : public ::testing::Test {
 protected:
  Command Parse(const std::vector<std::string>& arguments) {
    return ParseArguments(arguments, out_, err_);
  }
  StreamArguments ParseStream(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "stream");
    Command command = Parse(arguments);
    auto* stream = std::get_if<StreamArguments>(&command);
    EXPECT_NE(stream, nullptr) << err_.str();
    return stream == nullptr ? StreamArguments() : *stream;
  }
  void ExpectError(const std::vector<std::string>& arguments,
                   const std::string& message) {
    err_.str("");
    Command command = Parse(arguments);
    auto* nothing = std::get_if<NothingToRun>(&command);
    ASSERT_NE(nothing, nullptr) << message;
    EXPECT_EQ(nothing->exit_status, 2);
    EXPECT_THAT(err_.str(), StartsWith("mneme: "));
    EXPECT_THAT(err_.str(), HasSubstr(message));
  }

  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(ArgumentsTest, StreamHasDefaults) {
  StreamArguments stream = ParseStream({"book.txt"});
  EXPECT_THAT(stream.files, ElementsAre("book.txt"));
  EXPECT_EQ(stream.sessions, 0u);
  EXPECT_EQ(stream.common.server, "127.0.0.1:7450");
  EXPECT_EQ(stream.memory_policy, client::MemoryPolicy::kCarry);
  EXPECT_EQ(stream.durability, client::Durability::kServerDefault);
  EXPECT_EQ(stream.retry_for, absl::Seconds(30));
  EXPECT_FALSE(stream.common.json);
}

TEST_F(ArgumentsTest, StreamKnowsItsFlags) {
  StreamArguments stream = ParseStream({"a",
                                        "--sessions",
                                        "16",
                                        "--model",
                                        "m",
                                        "--server",
                                        "h:1",
                                        "--reset-memory",
                                        "--durability",
                                        "memory",
                                        "--chunk",
                                        "1kb",
                                        "--limit",
                                        "2MB",
                                        "--json",
                                        "--record",
                                        "r",
                                        "--outputs",
                                        "log_probs,argmax",
                                        "b",
                                        "--retry-for",
                                        "1500ms",
                                        "--keep",
                                        "--handles",
                                        "h",
                                        "--session",
                                        "p",
                                        "--window",
                                        "4",
                                        "--priority",
                                        "high",
                                        "--top-k",
                                        "5"});
  EXPECT_THAT(stream.files, ElementsAre("a", "b"));
  EXPECT_EQ(stream.sessions, 16u);
  EXPECT_EQ(stream.common.server, "h:1");
  EXPECT_EQ(stream.memory_policy, client::MemoryPolicy::kReset);
  EXPECT_EQ(stream.durability, client::Durability::kMemory);
  EXPECT_EQ(stream.chunk_bytes, 1000u);
  EXPECT_EQ(stream.limit_bytes, 2000000u);
  EXPECT_THAT(stream.outputs, ElementsAre("log_probs", "argmax"));
  EXPECT_EQ(stream.retry_for, absl::Milliseconds(1500));
  EXPECT_EQ(stream.session_prefix, "p");
  EXPECT_EQ(stream.window, 4u);
  EXPECT_EQ(stream.priority, client::Priority::kHigh);
  EXPECT_EQ(ParseStream({"a"}).priority, client::Priority::kNormal);
  EXPECT_EQ(stream.top_k, 5u);
  EXPECT_TRUE(stream.keep);
  EXPECT_TRUE(stream.common.json);
}

TEST_F(ArgumentsTest, TtlsAreTimes) {
  StreamArguments stream =
      ParseStream({"a", "--idle-ttl", "1.5h", "--max-age", "inf"});
  EXPECT_EQ(stream.ttls.idle_ttl, absl::Minutes(90));
  EXPECT_EQ(stream.ttls.max_age, absl::InfiniteDuration());
  EXPECT_EQ(ParseStream({"a"}).ttls.idle_ttl, absl::ZeroDuration());
}

TEST_F(ArgumentsTest, TheServerComesFromTheEnvironmentUnlessGiven) {
  setenv("MNEME_SERVER", "elsewhere:1", 1);  // NOLINT: one thread here
  EXPECT_EQ(ParseStream({"a"}).common.server, "elsewhere:1");
  EXPECT_EQ(ParseStream({"a", "--server", "here:2"}).common.server, "here:2");
  unsetenv("MNEME_SERVER");  // NOLINT
}

TEST_F(ArgumentsTest, WrongArgumentsAreNamed) {
  ExpectError({}, "a command is required");
  ExpectError({"dream"}, "dream");
  ExpectError({"stream"}, "FILE");
  ExpectError({"stream", "a", "--sessions", "0"}, "--sessions");
  ExpectError({"stream", "a", "--durability", "eternal"}, "eternal");
  ExpectError({"stream", "a", "--retry-for", "soon"}, "--retry-for");
  ExpectError({"stream", "a", "--retry-for", "-1s"}, "--retry-for");
  ExpectError({"stream", "a", "--chunk", "many"}, "--chunk");
  // What a server with its defaults can answer again after a lost connection.
  ExpectError({"stream", "a", "--window", "9"}, "--window");
  ExpectError({"stream", "a", "--window", "0"}, "--window");
  ExpectError({"stream", "a", "--priority", "urgent"}, "--priority");
  ExpectError({"stream", "a", "--nonsense"}, "--nonsense");
  ExpectError({"stream", "--resume", "/no/such/file"}, "/no/such/file");
  ExpectError({"stream", "a", "--resume", "/dev/null"}, "--resume");
}

TEST_F(ArgumentsTest, AResumedRunRefusesWhatDescribesNewSessions) {
  const std::vector<std::vector<std::string>> options = {
      {"--sessions", "2"},  {"--limit", "5"},   {"--model", "m"},
      {"--session", "p"},   {"--reset-memory"}, {"--durability", "sync"},
      {"--idle-ttl", "1h"}, {"--max-age", "1h"}};
  for (const auto& option : options) {
    std::vector<std::string> line = {"stream", "--resume", "README.md"};
    line.insert(line.end(), option.begin(), option.end());
    ExpectError(line, option[0]);
    EXPECT_THAT(err_.str(), AllOf(HasSubstr("excludes"), HasSubstr("--resume"),
                                  HasSubstr("Run `mneme stream --help`")));
  }
  StreamArguments stream = ParseStream({"--resume", "README.md", "--handles",
                                        "README.md", "--chunk", "9", "--keep"});
  EXPECT_EQ(stream.resume_file, "README.md");
  EXPECT_EQ(stream.handles_file, "README.md");
}

TEST_F(ArgumentsTest, TheVersionIsPrinted) {
  Command command = Parse({"--version"});
  ASSERT_TRUE(std::holds_alternative<NothingToRun>(command));
  EXPECT_EQ(std::get<NothingToRun>(command).exit_status, 0);
  EXPECT_THAT(out_.str(), MatchesRegex("mneme [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

TEST_F(ArgumentsTest, CloseTakesSessions) {
  Command command = Parse({"close", "a", "b", "--json", "--server", "h:1"});
  ASSERT_TRUE(std::holds_alternative<CloseArguments>(command));
  const auto& close = std::get<CloseArguments>(command);
  EXPECT_THAT(close.sessions, ElementsAre("a", "b"));
  EXPECT_TRUE(close.common.json);
  EXPECT_EQ(close.common.server, "h:1");
  EXPECT_FALSE(close.erase);
  ExpectError({"close"}, "SESSION");
}

TEST_F(ArgumentsTest, ForkTakesASessionOrAHandle) {
  Command command = Parse({"fork", "a", "--as", "b", "--tenant", "t"});
  ASSERT_TRUE(std::holds_alternative<ForkArguments>(command)) << err_.str();
  EXPECT_EQ(std::get<ForkArguments>(command).from.session_id, "a");
  EXPECT_FALSE(std::get<ForkArguments>(command).from.handle.has_value());
  EXPECT_EQ(std::get<ForkArguments>(command).fork_id, "b");
  EXPECT_EQ(std::get<ForkArguments>(command).common.tenant, "t");
  const std::string handle = "a/3/" + std::string(64, '0');
  command = Parse({"fork", handle});
  ASSERT_TRUE(std::holds_alternative<ForkArguments>(command)) << err_.str();
  EXPECT_EQ(std::get<ForkArguments>(command).from.session_id, "a");
  EXPECT_EQ(std::get<ForkArguments>(command).from.handle->step, 3u);
}

TEST_F(ArgumentsTest, EveryCommandHasHelp) {
  for (const char* command :
       {"stream", "sessions", "inspect", "touch", "close", "fork", "rollback",
        "pin", "unpin", "export", "import", "models", "watch", "bench"}) {
    out_.str("");
    Parse({command, "--help"});
    EXPECT_THAT(out_.str(), AllOf(HasSubstr(std::string("mneme ") + command),
                                  HasSubstr("--server"), HasSubstr("--json")));
  }
}

TEST_F(ArgumentsTest, CloseMayErase) {
  Command command = Parse({"close", "a", "--erase"});
  ASSERT_TRUE(std::holds_alternative<CloseArguments>(command));
  EXPECT_TRUE(std::get<CloseArguments>(command).erase);
}

TEST_F(ArgumentsTest, WatchTakesSessionsOrNone) {
  Command some = Parse({"watch", "a", "b"});
  ASSERT_TRUE(std::holds_alternative<WatchArguments>(some));
  EXPECT_THAT(std::get<WatchArguments>(some).sessions, ElementsAre("a", "b"));
  Command all = Parse({"watch", "--json"});
  ASSERT_TRUE(std::holds_alternative<WatchArguments>(all));
  EXPECT_THAT(std::get<WatchArguments>(all).sessions, ElementsAre());
  EXPECT_TRUE(std::get<WatchArguments>(all).common.json);
}

TEST_F(ArgumentsTest, HelpGoesToTheOutputAndIsNoError) {
  Command command = Parse({"stream", "--help"});
  ASSERT_TRUE(std::holds_alternative<NothingToRun>(command));
  EXPECT_EQ(std::get<NothingToRun>(command).exit_status, 0);
  EXPECT_THAT(
      out_.str(),
      AllOf(HasSubstr("contiguous parts"), HasSubstr("--retain-messages"),
            HasSubstr("async"), Not(HasSubstr("four segments"))));
}

TEST_F(ArgumentsTest, TheProgramsHelpSaysHowToGoOn) {
  Command command = Parse({"--help"});
  ASSERT_TRUE(std::holds_alternative<NothingToRun>(command));
  EXPECT_THAT(
      out_.str(),
      AllOf(HasSubstr("mneme stream FILE"), HasSubstr("mneme COMMAND --help"),
            HasSubstr("mneme fork HANDLE"), HasSubstr("mneme export SESSION"),
            HasSubstr("mneme close SESSION"), HasSubstr("mneme bench"),
            HasSubstr("130 interrupted"), HasSubstr("MNEME_SERVER")));
}

TEST_F(ArgumentsTest, SessionsAndModelsKnowTheirFlags) {
  Command command = Parse({"sessions", "--model", "m", "--json"});
  ASSERT_TRUE(std::holds_alternative<SessionsArguments>(command));
  EXPECT_EQ(std::get<SessionsArguments>(command).model, "m");
  EXPECT_TRUE(std::get<SessionsArguments>(command).common.json);
  EXPECT_TRUE(std::holds_alternative<ModelsArguments>(Parse({"models"})));
}

}  // namespace
}  // namespace mneme::cli
