// A real mnemed is killed while sessions are driven, at random and at its kill
// points: after each restart every acknowledged segment is there, nothing is
// torn, and what was cut off is asked once more and happens once.

#include <csignal>
#include <cstdio>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/kill_point.h"
#include "tests/crash/crash_client.h"
#include "tests/crash/current_server.h"
#include "tests/crash/expected_state.h"
#include "tests/crash/recovery_check.h"
#include "tests/crash/server_process.h"
#include "tests/crash/settings.h"
#include "tests/parity/test_folder.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

constexpr int kSessions = 6;
constexpr int kMostPasses = 60;
// An answer takes a step and a commit, of which six may share a group: after so
// many a kill point must have been passed kMostPasses times.
constexpr int kMostAnswers = 100 * kMostPasses;

// How one server ends: at a kill point, or where it happens to be.
struct Plan {
  absl::string_view point;  // "": by a signal
  int count = 1;            // passes of the point, or answers

  std::vector<std::string> Environment() const {
    if (point.empty()) return {};
    return {absl::StrCat("MNEME_KILL_POINT=", point, ":", count)};
  }
};

// One run of clients and killed servers, over a folder that outlives it.
class CrashRun {
 public:
  explicit CrashRun(const std::string& folder) : store_(folder + "/db") {
    model_.WriteConfig({{"architecture", "oracle"},
                        {"name", "oracle"},
                        {"segment_size", kCrashSegment},
                        {"vocab_size", kCrashVocabulary}});
    auto expected =
        ExpectedState::Open(folder + "/expected", CrashSeed(), kSessions);
    EXPECT_THAT(expected, IsOk());
    if (!expected.ok()) return;
    expected_ = *std::move(expected);
    random_.seed(expected_->seed());
    for (int i = 0; i < expected_->sessions(); ++i) {
      clients_.push_back(
          std::make_unique<CrashClient>(&servers_, expected_.get(), i));
    }
  }

  // Kills so many servers; the last one's clients are left where they are.
  void Run(int kills) {
    std::vector<std::thread> threads;
    for (const auto& client : clients_) {
      threads.emplace_back([&client] { client->Run(); });
    }
    for (int i = 0; i < kills && !::testing::Test::HasFailure(); ++i) {
      const Plan plan = MakePlan(i);
      EXPECT_THAT(StartServer(plan.Environment()), IsOk());
      if (::testing::Test::HasFailure()) break;
      servers_.Announce(server_->address());
      Kill(plan);
    }
    servers_.Stop();
    for (std::thread& thread : threads) thread.join();
  }

  // A server comes back as the last kill left it, is checked, and ends well.
  absl::Status Recover() {
    absl::Status recovered = StartServer({});
    EXPECT_EQ(server_->Terminate(), 0);
    return recovered;
  }

  // Servers that died at each kill point.
  const std::map<absl::string_view, int>& struck() const { return struck_; }
  int Sum(int (CrashClient::*count)() const) const {
    int sum = 0;
    for (const auto& client : clients_) sum += ((*client).*count)();
    return sum;
  }

 private:
  Plan MakePlan(int kill) {
    Plan plan;
    if (HasKillPoints() && kill % 2 == 1) {
      plan.point =
          kKillPoints[static_cast<size_t>(kill / 2) % kKillPoints.size()];
      plan.count = 1 + static_cast<int>(random_() % kMostPasses);
    } else {
      plan.count = static_cast<int>(random_() % kMostPasses);
    }
    return plan;
  }

  // What it has lost is seen before the clients know of it.
  absl::Status StartServer(const std::vector<std::string>& environment) {
    const std::vector<std::string> flags = {"--model",     model_.path(),
                                            "--store",     "rocksdb:" + store_,
                                            "--log-level", "error"};
    server_ = std::make_unique<ServerProcess>(MNEME_MNEMED, flags,
                                              "127.0.0.1:0", environment);
    if (::testing::Test::HasFailure()) return absl::OkStatus();
    return CheckRecovered(CurrentServer::Connect(server_->address()),
                          *expected_);
  }

  void Kill(const Plan& plan) {
    std::thread end([this] {
      server_->AwaitEnd();
      servers_.Ended();
    });
    if (plan.point.empty()) {
      servers_.AwaitAnswers(plan.count);
      const uint64_t spins = random_() % 3000;
      for (uint64_t i = 0; i < spins; ++i) std::this_thread::yield();
    } else if (servers_.AwaitAnswers(kMostAnswers)) {
      ADD_FAILURE() << plan.point << " was not passed " << plan.count
                    << " times in " << kMostAnswers << " answers";
    } else if (!servers_.stopped()) {
      ++struck_[plan.point];
    }
    EXPECT_EQ(server_->Kill(), -SIGKILL);
    end.join();
  }

  const TestFolder model_;
  const std::string store_;
  std::unique_ptr<ExpectedState> expected_;
  CurrentServer servers_;
  std::mt19937_64 random_;
  std::vector<std::unique_ptr<CrashClient>> clients_;
  std::unique_ptr<ServerProcess> server_;
  std::map<absl::string_view, int> struck_;
};

void Print(const CrashRun& run, int kills, absl::Duration took) {
  std::printf(
      "%d kills in %s, %d calls cut off, %d steps answered again, "
      "%d rollbacks\n",
      kills, absl::FormatDuration(took).c_str(), run.Sum(&CrashClient::cut_off),
      run.Sum(&CrashClient::kept), run.Sum(&CrashClient::rollbacks));
  for (const auto& [point, count] : run.struck()) {
    std::printf("  at %s: %d\n", std::string(point).c_str(), count);
  }
}

TEST(ServerKillTest, EveryAcknowledgedStepSurvivesAndEachHappensOnce) {
  const TempFolder folder;
  const int kills = CrashKills(50);
  CrashRun run(CrashFolder().empty() ? folder.path() : CrashFolder());
  const absl::Time start = absl::Now();
  run.Run(kills);
  Print(run, kills, absl::Now() - start);
  if (HasFailure()) return;
  EXPECT_THAT(run.Recover(), IsOk());
  // Too few kills do not come to everything.
  if (kills < 50) return;
  EXPECT_GT(run.Sum(&CrashClient::kept), 0);
  EXPECT_GT(run.Sum(&CrashClient::rollbacks), 0);
  for (const absl::string_view point : kKillPoints) {
    EXPECT_EQ(run.struck().count(point), HasKillPoints() ? 1u : 0u)
        << "no server died " << point;
  }
}

TEST(ServerKillTest, ARunGoesOnFromItsExpectedStateAlone) {
  const TempFolder folder;
  for (int i = 0; i < 3 && !HasFailure(); ++i) CrashRun(folder.path()).Run(3);
  if (HasFailure()) return;
  EXPECT_THAT(CrashRun(folder.path()).Recover(), IsOk());
}

TEST(ServerKillTest, TheCheckSeesAStepThatIsLostOrTooMany) {
  const TempFolder folder;
  CrashRun(folder.path()).Run(3);
  if (HasFailure()) return;
  ASSERT_OK_AND_ASSIGN(const auto expected,
                       ExpectedState::Open(folder.path() + "/expected", 0, 0));
  ASSERT_OK_AND_ASSIGN(const ExpectedSession was, expected->Read(2));
  ExpectedSession session = was;
  session.doing = ExpectedSession::Doing::kNothing;
  const std::vector<int32_t> tokens =
      TokensAfter(expected->seed(), 2, was.place, 50 * kCrashSegment);
  session.place = PlacesOf(was.place, tokens, /*flush=*/false).back();
  expected->Write(2, session);
  EXPECT_THAT(CrashRun(folder.path()).Recover(),
              StatusIs(absl::StatusCode::kDataLoss,
                       ::testing::HasSubstr("session-2: it is at step")));
  session.place.step = 0;
  expected->Write(2, session);
  EXPECT_THAT(CrashRun(folder.path()).Recover(),
              StatusIs(absl::StatusCode::kDataLoss,
                       ::testing::HasSubstr("session-2: it is at step")));
  expected->Write(2, was);
  EXPECT_THAT(CrashRun(folder.path()).Recover(), IsOk());
}

}  // namespace
}  // namespace mneme
