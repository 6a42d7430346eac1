// Envoy with deploy/envoy/mneme.yaml in front of several mnemed on one Redis:
// replicas come and die under streams, and each step is delivered once.

#include <algorithm>
#include <atomic>
#include <thread>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "tests/integration/envoy_fixture.h"
#include "tests/integration/envoy_process.h"
#include "tests/server/store/redis_server.h"
#include "tests/testing/eventually.h"

namespace mneme {
namespace {

constexpr size_t kSessions = 200;
constexpr size_t kClients = 4;

class EnvoyFrontTest : public EnvoyTest {
 protected:
  void SetUp() override {
    redis_.Listen();
    StartReplica();
    StartReplica();
    if (HasFatalFailure()) return;
    front_ = std::make_unique<EnvoyFront>(Addresses());
    for (size_t i = 0; i < kClients; ++i) {
      clients_.push_back(OracleStream::Connect(front_->address()));
    }
  }

  void StartReplica() {
    StartServer(absl::StrCat("redis://127.0.0.1:", redis_.port()));
  }
  void OpenAll() {
    for (size_t i = 0; i < kSessions; ++i) OpenStream(ClientOf(i));
  }
  void ContinueAll() {
    for (size_t i = 0; i < kSessions; ++i) Continue(streams_[i], ClientOf(i));
  }
  client::Client& ClientOf(size_t session) {
    return *clients_[session % kClients];
  }
  // Streams that have segments to be answered yet.
  size_t CountBusy() const {
    return static_cast<size_t>(std::count_if(
        streams_.begin(), streams_.end(), [this](const Stream& stream) {
          return stream->sources().size() < written_;
        }));
  }
  // What was written was applied, each segment once.
  void ExpectHeads() {
    for (size_t i = 0; i < kSessions; ++i) {
      const auto session = ClientOf(i).GetSession(absl::StrCat("session-", i));
      ASSERT_TRUE(session.ok()) << session.status();
      EXPECT_EQ(session->head.handle.step, written_);
    }
  }

  // `end`s one of two replicas under streams, which all go on at the other.
  void LoseAReplica(absl::FunctionRef<void(ServerProcess&)> end) {
    OpenAll();
    EXPECT_TRUE(Eventually([&] { return OpenStreams() == kSessions; }));
    const double lost = Metric(1, "mneme_streams");
    EXPECT_GE(lost, kSessions / 4);
    WriteAll(100);
    for (const Stream& stream : streams_) stream->AwaitStep(10);
    EXPECT_GE(CountBusy(), kSessions / 4) << "too late";
    end(*servers_[1]);
    WriteAll(20);
    FinishAll();
    ExpectHeads();
    EXPECT_GE(static_cast<double>(CountRetries()), lost);
    std::printf("%.0f of %zu streams lost their replica, %zu retries\n", lost,
                kSessions, CountRetries());
  }

  RedisServer redis_;
  std::unique_ptr<EnvoyFront> front_;
  std::vector<std::unique_ptr<client::Client>> clients_;
};

TEST_F(EnvoyFrontTest, AReplicaThatJoinsUnderStreamsTakesItsShare) {
  OpenAll();
  WriteAll(20);
  StartReplica();
  std::atomic<bool> joined = false;
  std::thread join([&] {
    front_->SetReplicas(Addresses());
    joined = true;
  });
  while (!joined) {
    streams_[0]->AwaitStep(written_ - 10);
    WriteAll(5);
  }
  join.join();
  EXPECT_EQ(OpenStreams(), kSessions);
  FinishAll();
  EXPECT_EQ(CountRetries(), 0u) << "an open stream noticed";
  EXPECT_EQ(Metric(2, "mneme_sessions_taken_over_total"), 0);

  ContinueAll();
  WriteAll(50);
  EXPECT_TRUE(Eventually([&] { return OpenStreams() == kSessions; }));
  const double third = Metric(2, "mneme_streams");
  EXPECT_GE(third, kSessions / 6);
  FinishAll();
  ExpectHeads();
  std::printf(
      "%zu segments each; %.0f of %zu sessions went to the new replica, "
      "%zu retries\n",
      written_, third, kSessions, CountRetries());
}

TEST_F(EnvoyFrontTest, StreamsOfAReplicaThatIsKilledGoOnAtTheOther) {
  LoseAReplica([](ServerProcess& replica) { replica.Kill(); });
}

TEST_F(EnvoyFrontTest, StreamsOfAReplicaThatIsStoppedGoOnAtTheOther) {
  LoseAReplica(
      [](ServerProcess& replica) { EXPECT_EQ(replica.Terminate(), 0); });
}

class EnvoyFileTest : public ::testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Shipped, EnvoyFileTest,
                         ::testing::Values("mneme.yaml", "redis-proxy.yaml"));

// Without a warning either: none of a field that is deprecated.
TEST_P(EnvoyFileTest, IsValid) {
  const TempFolder folder;
  const std::string config = folder.Write(
      "envoy.yaml",
      absl::StrReplaceAll(EnvoyFile(GetParam()),
                          {{"./replicas.yaml", "deploy/envoy/replicas.yaml"}}));
  ChildProcess envoy(kEnvoy,
                     {"--mode", "validate", "-l", "warning", "-c", config});
  const std::string said = envoy.ReadAll();
  EXPECT_EQ(envoy.Wait(), 0) << said;
  EXPECT_EQ(said, absl::StrCat("configuration '", config, "' OK\n"));
}

}  // namespace
}  // namespace mneme
