// The program mnemed, run as a user runs it.

#include <grpcpp/grpcpp.h>
#include <signal.h>
#include <stdlib.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "mneme/v1/segments.grpc.pb.h"
#include "mneme/v1/sessions.grpc.pb.h"
#include "tests/server/observe/http_get.h"
#include "tests/testing/child_process.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_folder.h"

namespace mneme {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class MainTest : public ::testing::Test {
 protected:
  MainTest() {
    std::ofstream(dir_.path() + "/config.json")
        << R"({"architecture": "null", "segment_size": 8, "vocab_size": 256})";
  }

  std::vector<std::string> Arguments() {
    return {"--model",     dir_.path(),
            "--listen",    "127.0.0.1:0",
            "--metrics",   "127.0.0.1:0",
            "--store",     "rocksdb:" + dir_.path() + "/data",
            "--log-level", "off"};
  }

  const TempFolder dir_;
};

class MainSignalTest : public MainTest,
                       public ::testing::WithParamInterface<int> {};

TEST_P(MainSignalTest, ServesThenDrainsAndExitsWithZero) {
  ChildProcess mnemed(MNEME_MNEMED, Arguments());
  const std::string line = mnemed.ReadLine();
  ASSERT_THAT(line, MatchesRegex("mnemed: serving grpc on 127.0.0.1:[0-9]+, "
                                 "metrics on 127.0.0.1:[0-9]+\n"));
  const int port = atoi(line.substr(line.rfind(':') + 1).c_str());
  EXPECT_THAT(HttpGet(port, "/metrics"), HasSubstr("mneme_build_info"));
  mnemed.Signal(GetParam());
  EXPECT_EQ(mnemed.Wait(), 0);
}

INSTANTIATE_TEST_SUITE_P(, MainSignalTest, ::testing::Values(SIGTERM, SIGINT));

TEST_F(MainTest, AClientThatNeverReadsDoesNotKeepItFromExitingWithZero) {
  std::vector<std::string> arguments = Arguments();
  arguments.insert(arguments.end(), {"--drain-timeout", "1s"});
  ChildProcess mnemed(MNEME_MNEMED, arguments);
  const std::string line = mnemed.ReadLine();
  std::string address = line.substr(0, line.find(", metrics"));
  address = address.substr(address.rfind(' ') + 1);
  const auto channel =
      grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
  v1::OpenSessionRequest open;
  open.set_session_id("a");
  open.set_durability(v1::MEMORY);
  v1::Session session;
  grpc::ClientContext open_context;
  const grpc::Status opened =
      v1::Sessions::NewStub(channel)->Open(&open_context, open, &session);
  ASSERT_TRUE(opened.ok()) << opened.error_message();

  const auto stub = v1::Segments::NewStub(channel);
  grpc::ClientContext context;
  const auto stream = stub->Stream(&context);
  v1::SegmentRequest request;
  request.set_session_id("a");
  request.mutable_tokens()->mutable_ids()->Resize(1 << 14, 7);
  request.mutable_outputs()->add_names("argmax");
  v1::SegmentReply reply;
  ASSERT_TRUE(stream->Write(request));
  ASSERT_TRUE(stream->Read(&reply));
  // Replies of more than the connection's window, which nobody reads.
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(stream->Write(request));
  mnemed.Signal(SIGTERM);
  EXPECT_EQ(mnemed.Wait(), 0);
  // gRPC gives the status after what it has received.
  while (stream->Read(&reply)) {
  }
  EXPECT_FALSE(stream->Finish().ok());
}

TEST_F(MainTest, ABadFlagEndsWithTwo) {
  ChildProcess mnemed(MNEME_MNEMED, {"--model", "x", "--retain", "no"});
  EXPECT_THAT(mnemed.ReadAll(),
              AllOf(HasSubstr("mnemed: --retain"), HasSubstr("mnemed --help")));
  EXPECT_EQ(mnemed.Wait(), 2);
}

TEST_F(MainTest, ABadKillPointEndsWithTwoAndTheNames) {
  setenv("MNEME_KILL_POINT", "after_lunch:1", 1);  // NOLINT: no other thread
  ChildProcess mnemed(MNEME_MNEMED, Arguments());
  unsetenv("MNEME_KILL_POINT");  // NOLINT
  EXPECT_THAT(mnemed.ReadAll(), AllOf(HasSubstr("mnemed: MNEME_KILL_POINT"),
                                      HasSubstr("after_lunch")));
  EXPECT_EQ(mnemed.Wait(), 2);
}

TEST_F(MainTest, HelpEndsWithZero) {
  ChildProcess mnemed(MNEME_MNEMED, {"--help"});
  EXPECT_THAT(mnemed.ReadAll(), HasSubstr("--drain-timeout"));
  EXPECT_EQ(mnemed.Wait(), 0);
}

TEST_F(MainTest, AModelThatIsNotThereEndsWithOneAndItsPath) {
  ChildProcess mnemed(MNEME_MNEMED,
                      {"--model", "/no/such/model", "--store", "memory:"});
  EXPECT_THAT(mnemed.ReadAll(), HasSubstr("/no/such/model"));
  EXPECT_EQ(mnemed.Wait(), 1);
}

TEST_F(MainTest, AStoreInUseEndsWithOneAndItsPath) {
  ChildProcess first(MNEME_MNEMED, Arguments());
  ASSERT_THAT(first.ReadLine(), HasSubstr("serving"));
  ChildProcess second(MNEME_MNEMED, Arguments());
  EXPECT_THAT(second.ReadAll(), HasSubstr(dir_.path() + "/data"));
  EXPECT_EQ(second.Wait(), 1);
}

}  // namespace
}  // namespace mneme
