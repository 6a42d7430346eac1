#include "tests/crash/server_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <utility>

#include "gtest/gtest.h"

extern char** environ;

namespace mneme {
namespace {

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& string : strings) pointers.push_back(string.data());
  pointers.push_back(nullptr);
  return pointers;
}

// In the child, between fork() and its program.
[[noreturn]] void Become(const char* binary, char* const* argv,
                         char* const* environment, int out) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(out, STDOUT_FILENO);
  execve(binary, argv, environment);
  _exit(127);
}

}  // namespace

ServerProcess::ServerProcess(const std::string& binary,
                             std::vector<std::string> flags,
                             const std::string& listen,
                             const std::vector<std::string>& environment) {
  flags.insert(flags.begin(), binary);
  flags.insert(flags.end(), {"--listen", listen, "--metrics", "127.0.0.1:0"});
  // The first of two values counts.
  std::vector<std::string> variables = environment;
  for (char** one = environ; *one != nullptr; ++one)
    variables.emplace_back(*one);
  Start(binary, std::move(flags), std::move(variables));
}

void ServerProcess::Start(const std::string& binary,
                          std::vector<std::string> flags,
                          std::vector<std::string> environment) {
  const std::vector<char*> argv = Pointers(flags);
  const std::vector<char*> variables = Pointers(environment);
  int out[2];
  ASSERT_EQ(pipe2(out, O_CLOEXEC), 0);
  pid_ = fork();
  if (pid_ == 0) Become(binary.c_str(), argv.data(), variables.data(), out[1]);
  close(out[1]);
  ASSERT_GT(pid_, 0) << binary;
  FILE* const lines = fdopen(out[0], "r");
  char line[256] = "";
  char address[128] = "";
  const bool said = std::fgets(line, sizeof line, lines) != nullptr;
  std::fclose(lines);
  ASSERT_TRUE(said) << binary << " ended without a word";
  char metrics[64] = "";
  ASSERT_EQ(
      std::sscanf(line, "mnemed: serving grpc on %127[^,], metrics on %63s",
                  address, metrics),
      2)
      << line;
  address_ = address;
  metrics_ = metrics;
}

ServerProcess::~ServerProcess() {
  if (pid_ > 0) Kill();
}

void ServerProcess::AwaitEnd() const {
  siginfo_t ignored;
  waitid(P_PID, static_cast<id_t>(pid_), &ignored, WEXITED | WNOWAIT);
}

int ServerProcess::Kill() {
  kill(pid_, SIGKILL);
  return Wait();
}

int ServerProcess::Terminate() {
  kill(pid_, SIGTERM);
  return Wait();
}

int ServerProcess::Wait() {
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace mneme
