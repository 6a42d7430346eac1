// Two mnemed on a Redis Cluster behind Envoy's Redis proxy (deploy/envoy/
// redis-proxy.yaml): what is promised of async sessions there.

#include <algorithm>

#include "absl/functional/function_ref.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "tests/integration/envoy_fixture.h"
#include "tests/integration/envoy_process.h"
#include "tests/integration/redis_cluster.h"
#include "tests/testing/eventually.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::testing::Ge;
using ::testing::HasSubstr;

// Where all sessions are listed.
constexpr char kDirectory[] = "mneme:{all}due";

class EnvoyClusterTest : public EnvoyTest {
 protected:
  void SetUp() override {
    EnvoyProcess::Replacements nodes;
    for (size_t i = 0; i < cluster_.ports().size(); ++i) {
      nodes.emplace_back(absl::StrCat("port_value: ", 7000 + i),
                         absl::StrCat("port_value: ", cluster_.ports()[i]));
    }
    proxy_ =
        std::make_unique<EnvoyProcess>("redis-proxy.yaml", 6390, 6391, nodes);
    AwaitNodes();
    for (auto& client : clients_) {
      StartServer("redis://" + proxy_->address(),
                  {"--redis-proxy", "--durability", "async"});
      if (HasFatalFailure()) return;
      client = OracleStream::Connect(servers_.back()->address());
    }
  }

  // Until Envoy has found the nodes.
  void AwaitNodes() {
    EXPECT_TRUE(Eventually([this] {
      return proxy_->Stat("cluster.redis_cluster.membership_healthy") == 3;
    }));
  }
  void OpenStreams(size_t count) {
    for (size_t i = 0; i < count; ++i) OpenStream(*clients_[i % 2]);
  }
  // Streams of which all that was written is answered.
  size_t CountAnswered() const {
    return static_cast<size_t>(std::count_if(
        streams_.begin(), streams_.end(), [this](const Stream& stream) {
          return stream->sources().size() == written_;
        }));
  }
  // The sessions of the other nodes do not wait, and the servers are not down.
  void KillUnderStreams(
      size_t node, absl::FunctionRef<void()> meanwhile = [] {}) {
    StopUnderStreams([&] { cluster_.node(node).Kill(); }, meanwhile);
    cluster_.node(node).Start();
  }
  void StopUnderStreams(absl::FunctionRef<void()> stop,
                        absl::FunctionRef<void()> meanwhile) {
    WriteAll(50);
    for (const Stream& stream : streams_) stream->AwaitStep(10);
    stop();
    WriteAll(50);
    meanwhile();
    bool down = false;
    EXPECT_TRUE(Eventually([&] {
      down = down || StoresUp() < 2;
      return CountRetries() >= 10 && CountAnswered() >= 15;
    }));
    EXPECT_FALSE(down);
  }
  // Whether the session is on other nodes only.
  bool IsElsewhere(const std::string& id, size_t node) {
    const std::string index = absl::StrCat("mneme:i:7:default:", id);
    const size_t home = cluster_.NodeOf(index);
    const std::string root = cluster_.node(home).Run({"HGET", index, "r"}).text;
    return home != node && cluster_.NodeOf(absl::StrCat(
                               "{", absl::BytesToHexString(root), "}")) != node;
  }
  // How many servers say that their store is up.
  double StoresUp() const {
    return Metric(0, "mneme_store_up") + Metric(1, "mneme_store_up");
  }
  // How many sessions `client` lists; a node that failed a moment ago is not
  // asked at once, and UNAVAILABLE is retried.
  static size_t CountListed(client::Client& client) {
    size_t count = 0;
    std::string token;
    do {
      auto page = client.ListSessions({}, token);
      Eventually([&] {
        if (absl::IsUnavailable(page.status())) {
          page = client.ListSessions({}, token);
        }
        return !absl::IsUnavailable(page.status());
      });
      EXPECT_THAT(page, IsOk());
      if (!page.ok()) return count;
      count += page->sessions.size();
      token = page->next_page_token;
    } while (!token.empty());
    return count;
  }

  RedisCluster cluster_;
  std::unique_ptr<EnvoyProcess> proxy_;
  std::unique_ptr<client::Client> clients_[2];
};

TEST_F(EnvoyClusterTest, SessionsAreStreamedContinuedForkedListedAndClosed) {
  OpenStreams(40);
  WriteAll(30);
  FinishAll();
  for (size_t i = 0; i < 40; ++i) Continue(streams_[i], *clients_[1 - i % 2]);
  WriteAll(10);
  FinishAll();
  EXPECT_THAT(Metric(0, "mneme_sessions_taken_over_total"), Ge(1));

  const auto fork = clients_[1]->ForkSession("session-1", "fork");
  ASSERT_THAT(fork, IsOk());
  client::StreamOptions options = OracleStream::Options(kSegment);
  options.at = fork->head.handle;
  OracleStream forked(*clients_[0], options, streams_[1]->tokens());
  forked.Write(OracleTokens(++seed_, 10 * kSegment));
  forked.Finish();
  for (auto& client : clients_) EXPECT_EQ(CountListed(*client), 41u);

  EXPECT_THAT(clients_[0]->CloseSession("session-1"), IsOk());
  EXPECT_THAT(clients_[1]->GetSession("session-1"),
              StatusIs(absl::StatusCode::kNotFound));
  for (auto& client : clients_) EXPECT_EQ(CountListed(*client), 40u);
  const auto kept = clients_[1]->GetSession("fork");
  ASSERT_THAT(kept, IsOk());
  EXPECT_EQ(kept->head.handle.step, 50u);
}

TEST_F(EnvoyClusterTest, ASyncSessionIsRefused) {
  client::SessionSpec spec;
  spec.session_id = "s";
  spec.durability = client::Durability::kSync;
  EXPECT_THAT(clients_[0]->OpenSession(spec),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("of durability sync, which this Redis is not "
                                 "trusted with; expected async or memory")));
  EXPECT_THAT(clients_[0]->GetSession("s"),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(CountListed(*clients_[1]), 0u);
}

TEST_F(EnvoyClusterTest, SlotsMoveUnderStreams) {
  OpenStreams(50);
  WriteAll(300);
  size_t moved = 0;
  for (size_t node = 0; node < 3; ++node) {
    for (const int slot : cluster_.UsedSlots(node, 15)) {
      cluster_.MoveSlot(slot);
      ++moved;
      WriteAll(2);
    }
  }
  FinishAll();
  EXPECT_THAT(moved, Ge(30u));
  for (auto& client : clients_) EXPECT_EQ(CountListed(*client), 50u);
  std::printf("%zu slots moved, %zu retries\n", moved, CountRetries());
}

TEST_F(EnvoyClusterTest, ANodeIsKilledAndStartedUnderStreams) {
  OpenStreams(50);
  KillUnderStreams((cluster_.NodeOf(kDirectory) + 1) % 3);
  FinishAll();
  for (auto& client : clients_) EXPECT_EQ(CountListed(*client), 50u);
  std::printf("%zu retries\n", CountRetries());
}

// Each of its commands costs the others what Envoy waits for a node; then they
// go on.
TEST_F(EnvoyClusterTest, ANodeHangsUnderStreams) {
  OpenStreams(50);
  const size_t node = (cluster_.NodeOf(kDirectory) + 1) % 3;
  std::vector<size_t> elsewhere;
  for (size_t i = 0; i < 50; ++i) {
    if (IsElsewhere(absl::StrCat("session-", i), node)) elsewhere.push_back(i);
  }
  const absl::Time start = absl::Now();
  StopUnderStreams([&] { cluster_.node(node).Pause(); },
                   [&] {
                     for (const size_t i : elsewhere) {
                       // Of the server that does not have it.
                       EXPECT_THAT(clients_[1 - i % 2]->GetSession(
                                       absl::StrCat("session-", i)),
                                   IsOk());
                     }
                     EXPECT_THAT(clients_[0]->ListSessions({}, ""),
                                 StatusIs(absl::StatusCode::kUnavailable));
                   });
  std::printf("%zu sessions on other nodes, %zu retries, %s\n",
              elsewhere.size(), CountRetries(),
              absl::FormatDuration(absl::Now() - start).c_str());
  cluster_.node(node).Continue();
  FinishAll();
  for (auto& client : clients_) EXPECT_EQ(CountListed(*client), 50u);
}

// Without it no session is made, but those that there are go on.
TEST_F(EnvoyClusterTest, TheDirectorysNodeIsKilledAndStartedUnderStreams) {
  OpenStreams(50);
  KillUnderStreams(cluster_.NodeOf(kDirectory), [this] {
    client::SessionSpec spec;
    for (int i = 0; i < 10; ++i) {
      EXPECT_THAT(clients_[0]->OpenSession(spec),
                  StatusIs(absl::StatusCode::kUnavailable));
    }
  });
  FinishAll();
  for (auto& client : clients_) EXPECT_EQ(CountListed(*client), 50u);
  OpenStream(*clients_[0]);
  for (auto& client : clients_) EXPECT_EQ(CountListed(*client), 51u);
  std::printf("%zu retries\n", CountRetries());
}

TEST_F(EnvoyClusterTest, TheStoreIsDownWhileAllNodesAre) {
  OpenStreams(20);
  WriteAll(20);
  for (const Stream& stream : streams_) stream->AwaitStep(10);
  for (size_t i = 0; i < 3; ++i) cluster_.node(i).Kill();
  WriteAll(20);
  EXPECT_TRUE(Eventually([this] { return StoresUp() == 0; }));
  for (size_t i = 0; i < 3; ++i) cluster_.node(i).Start();
  FinishAll();
  EXPECT_TRUE(Eventually([this] { return StoresUp() == 2; }));
}

}  // namespace
}  // namespace mneme
