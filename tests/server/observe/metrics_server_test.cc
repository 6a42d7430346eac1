#include "server/observe/metrics_server.h"

#include "tests/server/observe/http_get.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(MetricsServerTest, ServesTheMetricsOnAFreePort) {
  const auto metrics = std::make_shared<Metrics>("1.2.3");
  metrics->OnRequest(absl::OkStatus(), absl::Milliseconds(1));
  ASSERT_OK_AND_ASSIGN(const auto server,
                       MetricsServer::Create("127.0.0.1:0", metrics));
  ASSERT_GT(server->port(), 0);
  EXPECT_THAT(HttpGet(server->port(), "/metrics"),
              AllOf(HasSubstr("200 OK"),
                    HasSubstr("mneme_requests_total{code=\"OK\"} 1"),
                    HasSubstr("mneme_build_info{version=\"1.2.3\"} 1")));
}

TEST(MetricsServerTest, APortInUseIsAnErrorThatNamesIt) {
  const auto metrics = std::make_shared<Metrics>("1.2.3");
  ASSERT_OK_AND_ASSIGN(const auto server,
                       MetricsServer::Create("127.0.0.1:0", metrics));
  const std::string address = "127.0.0.1:" + std::to_string(server->port());
  EXPECT_THAT(MetricsServer::Create(address, metrics),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr(address)));
}

TEST(MetricsServerTest, AnAddressThatIsNoneIsAnError) {
  EXPECT_THAT(
      MetricsServer::Create("nowhere:x", std::make_shared<Metrics>("1.2.3")),
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr("nowhere:x")));
}

}  // namespace
}  // namespace mneme
