// Bytes that are no message of ours, at every RPC.

#include <ostream>
#include <string>

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
    ::testing::Values(Case{"Sessions", "Open", "mneme.v1.OpenSessionRequest"},
                      Case{"Sessions", "Get", "mneme.v1.GetSessionRequest"},
                      Case{"Sessions", "List", "mneme.v1.ListSessionsRequest"},
                      Case{"Sessions", "Close", "mneme.v1.CloseSessionRequest"},
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
