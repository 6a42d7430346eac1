// A real mnemed is killed while sessions are driven, forked, taken back, pinned
// and ended, at random and at its kill points: after each restart every effect
// that was acknowledged is there, nothing is torn or comes back, and what was
// cut off is there whole or not at all, and happens once.

#include <array>
#include <csignal>
#include <cstdio>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
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

using Doing = ExpectedSession::Doing;

constexpr int kClients = 6;  // of two sessions
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
        ExpectedState::Open(folder + "/expected", CrashSeed(), 2 * kClients);
    EXPECT_THAT(expected, IsOk());
    if (!expected.ok()) return;
    expected_ = *std::move(expected);
    random_.seed(expected_->seed());
    for (int i = 0; i < expected_->slots() / 2; ++i) {
      clients_.push_back(
          std::make_unique<CrashClient>(&servers_, expected_.get(), i, store_));
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
  int Sum(int CrashCounts::*count) const {
    int sum = 0;
    for (const auto& client : clients_) sum += client->counts().*count;
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

// What a run of some length comes to.
constexpr std::array<std::pair<const char*, int CrashCounts::*>, 11> kSeen = {{
    {"calls cut off", &CrashCounts::cut_off},
    {"of them seen to be done", &CrashCounts::resolved},
    {"steps answered again", &CrashCounts::kept},
    {"steps shared", &CrashCounts::shared},
    {"opens", &CrashCounts::opens},
    {"forks", &CrashCounts::forks},
    {"rollbacks", &CrashCounts::rollbacks},
    {"pins", &CrashCounts::pins},
    {"closed", &CrashCounts::closed},
    {"erased", &CrashCounts::erased},
    {"expired", &CrashCounts::expired},
}};

void Print(const CrashRun& run, int kills, absl::Duration took) {
  std::printf("%d kills in %s", kills, absl::FormatDuration(took).c_str());
  for (const auto& [name, count] : kSeen) {
    std::printf(", %d %s", run.Sum(count), name);
  }
  std::printf("\n");
  for (const auto& [point, count] : run.struck()) {
    std::printf("  at %s: %d\n", std::string(point).c_str(), count);
  }
}

TEST(ServerKillTest, EveryAcknowledgedEffectSurvivesAndEachHappensOnce) {
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
  for (const auto& [name, count] : kSeen) EXPECT_GT(run.Sum(count), 0) << name;
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

// The check of a run that was changed behind its back.
class RecoveryCheckTest : public ::testing::Test {
 protected:
  RecoveryCheckTest() {
    CrashRun(folder_.path()).Run(3);
    auto opened = ExpectedState::Open(folder_.path() + "/expected", 0, 0);
    EXPECT_THAT(opened, IsOk());
    if (!opened.ok()) return;
    expected_ = *std::move(opened);
    // One that is there and settled, whatever the last kill cut off.
    do {
      const auto read = expected_->Read(++slot_);
      EXPECT_THAT(read, IsOk());
      if (!read.ok()) return;
      was_ = *read;
    } while (was_.doing != Doing::kNothing && was_.doing != Doing::kSending);
    id_ = ExpectedState::SessionId(slot_, was_.generation);
    now_ = was_;
    now_.doing = Doing::kNothing;
  }

  // Of a server that comes back to find `now_` expected.
  absl::Status Recover() {
    expected_->Write(slot_, now_);
    absl::Status recovered = CrashRun(folder_.path()).Recover();
    expected_->Write(slot_, was_);
    return recovered;
  }
  auto IsLost(const std::string& what) const {
    return StatusIs(absl::StatusCode::kDataLoss,
                    ::testing::HasSubstr(absl::StrCat(id_, ": ", what)));
  }

  const TempFolder folder_;
  std::unique_ptr<ExpectedState> expected_;
  int slot_ = -1;
  std::string id_;
  ExpectedSession was_;
  ExpectedSession now_;
};

TEST_F(RecoveryCheckTest, SeesAStepThatIsLostOrTooMany) {
  const std::vector<int32_t> tokens = TokensAfter(
      expected_->seed(), now_.stream, now_.place, 50 * kCrashSegment);
  now_.place = PlacesOf(now_.place, tokens, /*flush=*/false).back();
  EXPECT_THAT(Recover(), IsLost("it is at step"));
  now_.place.step = 0;
  EXPECT_THAT(Recover(), IsLost("it is at step"));
  now_ = was_;
  EXPECT_THAT(Recover(), IsOk());
}

TEST_F(RecoveryCheckTest, SeesAPinThatIsLost) {
  now_ = was_;
  now_.pinned = was_.place;
  now_.pinned.step += 1000;
  EXPECT_THAT(Recover(), IsLost(absl::StrCat(was_.pinned.step > 0 ? 1 : 0,
                                             " values are pinned")));
}

TEST_F(RecoveryCheckTest, SeesASessionThatIsLost) {
  ++now_.generation;
  id_ = ExpectedState::SessionId(slot_, now_.generation);
  EXPECT_THAT(Recover(), IsLost("it is not listed"));
}

TEST_F(RecoveryCheckTest, SeesASessionThatCameBack) {
  now_ = ExpectedSession();
  now_.generation = was_.generation + 1;
  EXPECT_THAT(Recover(), IsLost("it has ended"));
}

}  // namespace
}  // namespace mneme
