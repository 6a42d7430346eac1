#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <random>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/store/rocksdb_store.h"
#include "tests/crash/settings.h"
#include "tests/crash/stored_steps.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_folder.h"

namespace mneme {
namespace {

using ::testing::HasSubstr;

// A process that runs CommitUntilKilled (this executable, started by main.cc
// with other arguments). Used by one thread.
class Committer {
 public:
  explicit Committer(const std::string& path) {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    std::string name = "crash_tests";
    std::string flag = "--commit-until-killed";
    std::string folder = path;
    char* const args[] = {name.data(), flag.data(), folder.data(), nullptr};
    EXPECT_EQ(
        posix_spawn(&pid_, "/proc/self/exe", &actions, nullptr, args, environ),
        0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    output_ = fdopen(ends[0], "r");
  }
  ~Committer() {
    fclose(output_);
    if (pid_ > 0) Kill();
  }
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  // Takes the next acknowledged commit into `steps`; false: the process ended.
  bool Read(Steps* steps) {
    char id[16];
    int step = 0;
    if (fscanf(output_, "%15s %d", id, &step) != 2) return false;
    (*steps)[id] = step;
    return true;
  }

  // Sends SIGKILL; whether that was what ended it.
  bool Kill() {
    kill(pid_, SIGKILL);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  }

 private:
  pid_t pid_ = 0;
  FILE* output_ = nullptr;
};

void ExpectNothingLost(const Steps& acknowledged, const Steps& stored) {
  for (const auto& [id, step] : acknowledged) {
    ASSERT_TRUE(stored.contains(id)) << id;
    EXPECT_GE(stored.at(id), step) << id << ": an acknowledged commit is lost";
    EXPECT_LE(stored.at(id), step + 1) << id << ": more than one was in flight";
  }
}

TEST(KillTest, EveryAcknowledgedCommitSurvivesKillNine) {
  TempFolder dir;
  std::mt19937_64 random(CrashSeed());
  const int kills = CrashKills(50);
  Steps acknowledged;
  for (int round = 0; round < kills; ++round) {
    Committer committer(dir.path());
    const int until = std::uniform_int_distribution(1, 80)(random);
    for (int i = 0; i < until; ++i) ASSERT_TRUE(committer.Read(&acknowledged));
    const int spins = std::uniform_int_distribution(0, 3000)(random);
    for (int i = 0; i < spins; ++i) std::this_thread::yield();
    ASSERT_TRUE(committer.Kill());
    while (committer.Read(&acknowledged)) {
    }
    ASSERT_OK_AND_ASSIGN(const auto store, RocksDbStore::Open(dir.path()));
    ASSERT_OK_AND_ASSIGN(const Steps stored, ReadStoredSteps(store.get()));
    ExpectNothingLost(acknowledged, stored);
    acknowledged = stored;
  }
  EXPECT_EQ(acknowledged.size(), 4u);
}

TEST(KillTest, AStoreThatAnotherProcessHoldsIsRefusedByPath) {
  TempFolder dir;
  Committer committer(dir.path());
  Steps acknowledged;
  ASSERT_TRUE(committer.Read(&acknowledged));
  EXPECT_THAT(
      RocksDbStore::Open(dir.path()),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(dir.path())));
  EXPECT_TRUE(committer.Kill());
  EXPECT_THAT(RocksDbStore::Open(dir.path()), IsOk());
}

}  // namespace
}  // namespace mneme
