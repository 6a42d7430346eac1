#include "tests/testing/child_process.h"

#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "tests/testing/eventually.h"

namespace mneme {
namespace {

std::unique_ptr<ChildProcess> StartSleeper() {
  return std::make_unique<ChildProcess>("/bin/sleep",
                                        std::vector<std::string>{"1000"});
}

// Whether there is such a process that has not ended.
bool Lives(pid_t pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/stat"));
  const std::string stat{std::istreambuf_iterator<char>(file), {}};
  const size_t name_end = stat.rfind(") ");
  return name_end != std::string::npos && stat[name_end + 2] != 'Z';
}

// What the test below runs in another process, and kills.
TEST(ChildProcessTest, DISABLED_IsKilled) {
  std::unique_ptr<ChildProcess> sleeper;
  std::thread([&] { sleeper = StartSleeper(); }).join();
  std::printf("sleeper %d\n", sleeper->pid());
  std::fflush(stdout);
  sleeper->Wait();
}

TEST(ChildProcessTest, EndsWithATestThatIsKilled) {
  ChildProcess test("/proc/self/exe",
                    {"--gtest_also_run_disabled_tests",
                     "--gtest_filter=ChildProcessTest.DISABLED_IsKilled"});
  const std::string line = test.ReadUntil("sleeper ");
  pid_t sleeper = 0;
  ASSERT_TRUE(absl::SimpleAtoi(absl::StripPrefix(line, "sleeper "), &sleeper));
  EXPECT_TRUE(Lives(sleeper));
  test.Signal(SIGKILL);
  EXPECT_TRUE(Eventually([&] { return !Lives(sleeper); }));
}

TEST(ChildProcessTest, OutlivesTheThreadThatStartedIt) {
  std::unique_ptr<ChildProcess> sleeper;
  std::thread([&] { sleeper = StartSleeper(); }).join();
  EXPECT_TRUE(Lives(sleeper->pid()));
  sleeper->Signal(SIGTERM);
  EXPECT_EQ(sleeper->Wait(), -SIGTERM);
}

}  // namespace
}  // namespace mneme
