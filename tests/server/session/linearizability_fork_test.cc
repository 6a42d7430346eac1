// Callers race on the sessions of one tenant with messages, rollbacks and
// forks; they stream the same tokens, so that steps are taken from each other,
// lose replies and send again. Each session's answers are those of one order of
// its own calls: what others did never shows.

#include <iostream>
#include <thread>

#include "tests/server/session/linearizability_check.h"
#include "tests/server/session/linearizability_client.h"
#include "tests/server/session/session_fixture.h"

namespace mneme {
namespace {

using Kind = Operation::Kind;
using Outcome = Operation::Outcome;

constexpr uint32_t kRounds = 2000;
constexpr uint32_t kClients = 3;
constexpr int kCalls = 6;  // of each client, whatever is sent again

class LinearizabilityForkTest : public SessionFixture {
 protected:
  LinearizabilityForkTest() {
    Stop();
    prefix_entries_ = 1000;
    limits_.retention = {1000, 1000};  // nothing is forgotten in a round
    tier_limits_ = {24, 24};           // three values: others are read back
    Start();
  }

  void OpenOne(const std::string& id, Durability durability,
               RacedSessions& sessions) {
    Pending<absl::StatusOr<SessionInfo>> info;
    SessionManager::OpenRequest request;
    request.durability = durability;
    manager_->Open(Key(id), request, info.Setter());
    ASSERT_OK(info.Get());
    sessions.Add({At(id).handle, ""});
  }

  // What was done, by session.
  std::map<std::string, std::vector<Operation>> Race(uint32_t seed,
                                                     RacedSessions& sessions) {
    std::vector<std::unique_ptr<RacingClient>> clients;
    std::vector<std::thread> threads;
    for (uint32_t i = 0; i < kClients; ++i) {
      clients.push_back(std::make_unique<RacingClient>(
          manager_.get(), &sessions, absl::StrCat("r", seed, ".", i),
          seed * kClients + i));
      threads.emplace_back(
          [client = clients.back().get()] { client->Make(kCalls); });
    }
    for (std::thread& thread : threads) thread.join();
    std::map<std::string, std::vector<Operation>> by_session;
    for (const auto& client : clients) {
      for (auto& [id, operation] : client->operations()) {
        by_session[id].push_back(std::move(operation));
      }
    }
    return by_session;
  }

  Operation Look(const std::string& id, RacedSessions& sessions) {
    Operation look;
    look.sent = sessions.Tick();
    const SessionInfo info = *manager_->Get(Key(id));
    look.answered = sessions.Tick();
    look.head = {info.head.handle.step, info.head.handle.digest};
    for (const MemoryHandle& handle : info.retained) {
      look.retained.push_back({handle.step, handle.digest});
    }
    return look;
  }

  void Run(uint32_t round) {
    RacedSessions sessions;
    const Durability durability =
        round % 2 == 0 ? Durability::kSync : Durability::kAsync;
    for (const char* name : {"a", "b"}) {
      OpenOne(absl::StrCat("r", round, name), durability, sessions);
    }
    auto by_session = Race(round, sessions);
    std::map<std::string, History> histories;
    for (const RacedSessions::Member& member : sessions.all()) {
      if (HasFailure()) return;
      const std::string& id = member.start.session_id;
      const RetainedStep start = {member.start.step, member.start.digest};
      const auto parent = histories.find(member.parent);
      const std::optional<int64_t> sum =
          parent == histories.end() ? 0 : parent->second.SumOf(start);
      ASSERT_TRUE(sum.has_value()) << id << " is no fork of " << member.parent;
      History history(start, *sum);
      for (Operation& operation : by_session[id]) {
        Count(operation);
        history.Add(std::move(operation));
      }
      history.Add(Look(id, sessions));
      EXPECT_TRUE(history.IsLinearizable()) << id << history.Explanation();
      histories.emplace(id, std::move(history));
      ASSERT_OK(Close(id));
    }
  }

  void Count(const Operation& operation) {
    ++calls_;
    ++outcomes_[{operation.kind, operation.outcome}];
  }

  int calls_ = 0;
  std::map<std::pair<Kind, Outcome>, int> outcomes_;
};

TEST_F(LinearizabilityForkTest, RacingCallersSeeOneOrderOfEachSession) {
  for (uint32_t round = 0; round < kRounds && !HasFailure(); ++round) {
    SCOPED_TRACE(testing::Message() << "seed " << round);
    Run(round);
  }
  const int computed = observer_.segments(SegmentSource::kComputed);
  const int recomputed = observer_.segments(SegmentSource::kRecomputed);
  const int shared = observer_.segments(SegmentSource::kShared);
  int64_t rows = 0;
  for (const int64_t batch : model_.batches()) rows += batch;
  EXPECT_EQ(rows, computed + recomputed);
  std::cout << calls_ << " calls, " << computed << " steps computed, " << shared
            << " shared, " << recomputed << " recomputed\n";
  // The rounds were no walk in the park.
  EXPECT_GT(shared, computed / 20);
  for (const Kind kind : {Kind::kProcess, Kind::kRollback, Kind::kFork}) {
    for (const Outcome outcome :
         {Outcome::kOk, Outcome::kConflict, Outcome::kCancelled}) {
      const int count = outcomes_[{kind, outcome}];
      EXPECT_GT(count, static_cast<int>(kRounds / 100))
          << static_cast<int>(kind) << " " << static_cast<int>(outcome);
      std::cout << count << (outcome == Outcome::kCancelled ? "\n" : " ");
    }
  }
  EXPECT_GT((outcomes_[{Kind::kFork, Outcome::kExists}]), 0);
  EXPECT_GT((outcomes_[{Kind::kRollback, Outcome::kNotRetained}]), 0);
}

}  // namespace
}  // namespace mneme
