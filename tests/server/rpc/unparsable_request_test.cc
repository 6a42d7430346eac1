// Bytes that are no message of ours, at every RPC.

#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/server/rpc/raw_call.h"
#include "tests/server/rpc/server_fixture.h"

namespace mneme {
namespace {

using ::testing::HasSubstr;

struct Case {
  std::string service;
  std::string method;
  std::string message;

  std::string rpc() const { return service + "." + method; }
};

void PrintTo(const Case& c, std::ostream* os) { *os << c.rpc(); }

class UnparsableRequestTest : public ServerFixture,
                              public ::testing::WithParamInterface<Case> {
 protected:
  // What the server answers these bytes with.
  grpc::Status Send(const std::string& bytes) {
    RawCall call(Connect(),
                 "/mneme.v1." + GetParam().service + "/" + GetParam().method);
    call.Write(bytes);
    EXPECT_EQ(call.Read(), std::nullopt);
    return call.Finish();
  }
};

TEST_P(UnparsableRequestTest, IsRefusedByTheMessagesName) {
  // Field 1 of 127 bytes, of which none comes.
  const grpc::Status truncated = Send("\x0a\x7f");
  EXPECT_THAT(truncated, FailsWith(grpc::StatusCode::INVALID_ARGUMENT,
                                   HasSubstr(GetParam().message)));
  // A wire type that there is not.
  EXPECT_EQ(Send("\x0f").error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  AwaitMetric("mneme_calls", 0);
  EXPECT_EQ(Rpcs(GetParam().rpc(), "INVALID_ARGUMENT"), 2);
  Open("a");
}

INSTANTIATE_TEST_SUITE_P(
    Rpcs, UnparsableRequestTest,
    ::testing::Values(
        Case{"Sessions", "Open", "mneme.v1.OpenSessionRequest"},
        Case{"Sessions", "Get", "mneme.v1.GetSessionRequest"},
        Case{"Sessions", "List", "mneme.v1.ListSessionsRequest"},
        Case{"Sessions", "Close", "mneme.v1.CloseSessionRequest"},
        Case{"Sessions", "Rollback", "mneme.v1.RollbackSessionRequest"},
        Case{"Sessions", "Touch", "mneme.v1.TouchSessionRequest"},
        Case{"Sessions", "Fork", "mneme.v1.ForkSessionRequest"},
        Case{"Sessions", "Export", "mneme.v1.ExportSessionRequest"},
        Case{"Sessions", "Import", "mneme.v1.ImportSessionRequest"},
        Case{"Sessions", "Watch", "mneme.v1.WatchSessionsRequest"},
        Case{"Segments", "Stream", "mneme.v1.SegmentRequest"},
        Case{"Segments", "Process", "mneme.v1.SegmentRequest"},
        Case{"Models", "List", "mneme.v1.ListModelsRequest"},
        Case{"Models", "Get", "mneme.v1.GetModelRequest"}),
    [](const auto& param) { return param.param.service + param.param.method; });

class UnparsableFieldTest : public ServerFixture {};

TEST_F(UnparsableFieldTest, AStringThatIsNotUtf8IsRefused) {
  RawCall call(Connect(), "/mneme.v1.Sessions/Get");
  call.Write("\x0a\x02\xff\xfe");
  EXPECT_EQ(call.Read(), std::nullopt);
  EXPECT_THAT(call.Finish(), FailsWith(grpc::StatusCode::INVALID_ARGUMENT,
                                       HasSubstr("UTF-8")));
}

TEST_F(UnparsableFieldTest, AFieldOfAnotherWireTypeIsRefusedByItsPath) {
  Open("a");
  const std::string session =
      "\x0a\x01"
      "a";
  const std::vector<std::pair<std::string, std::string>> cases = {
      // A number where there is a message.
      {"\x18\x05", "tokens:"},
      // A float where there is an int32.
      {std::string("\x1a\x05\x0d\x00\x00\x80\x3f", 7), "tokens.ids:"},
      // A number for a string, in the second of the inputs.
      {std::string("\x3a\x00\x3a\x02\x08\x01", 6), "extra_inputs[1].name:"},
  };
  for (const auto& [field, path] : cases) {
    for (const char* method : {"Process", "Stream"}) {
      RawCall call(Connect(), absl::StrCat("/mneme.v1.Segments/", method));
      call.Write(session + field);
      EXPECT_EQ(call.Read(), std::nullopt);
      EXPECT_THAT(call.Finish(), FailsWith(grpc::StatusCode::INVALID_ARGUMENT,
                                           HasSubstr(path)));
    }
  }
  EXPECT_EQ(Get("a").head().step(), 0);
}

TEST_F(UnparsableFieldTest, AFieldThatIsNotOursIsLetThrough) {
  Open("a");
  RawCall call(Connect(), "/mneme.v1.Sessions/Get");
  call.Write(
      "\x0a\x01"
      "a"
      "\xf8\x3f\x01");  // field 1023
  EXPECT_NE(call.Read(), std::nullopt);
}

TEST_F(UnparsableFieldTest, AMessageInAStreamEndsItAfterTheRepliesBefore) {
  Open("a");
  RawCall call(Connect(), "/mneme.v1.Segments/Stream");
  call.Write(Request("a", Range(0, 4)).SerializeAsString());
  call.Write("\x0a\x7f");
  v1::SegmentReply reply;
  ASSERT_TRUE(reply.ParseFromString(call.Read().value_or("")));
  EXPECT_EQ(reply.head().step(), 1);
  EXPECT_EQ(call.Read(), std::nullopt);
  EXPECT_EQ(call.Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace mneme
