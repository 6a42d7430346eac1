#include "tests/crash/server_process.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <utility>

#include "gtest/gtest.h"

extern char** environ;

namespace mneme {

ServerProcess::ServerProcess(const std::string& binary,
                             std::vector<std::string> flags,
                             const std::string& listen) {
  Start(binary, std::move(flags), listen);
}

void ServerProcess::Start(const std::string& binary,
                          std::vector<std::string> flags,
                          const std::string& listen) {
  flags.insert(flags.begin(), binary);
  flags.insert(flags.end(), {"--listen", listen, "--metrics", "127.0.0.1:0"});
  std::vector<char*> argv;
  for (std::string& flag : flags) argv.push_back(flag.data());
  argv.push_back(nullptr);
  int out[2];
  ASSERT_EQ(pipe(out), 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, out[0]);
  const int spawned = posix_spawn(&pid_, binary.c_str(), &actions, nullptr,
                                  argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(out[1]);
  ASSERT_EQ(spawned, 0) << binary;
  FILE* const lines = fdopen(out[0], "r");
  char line[256] = "";
  char address[128] = "";
  const bool said = std::fgets(line, sizeof line, lines) != nullptr;
  std::fclose(lines);
  ASSERT_TRUE(said) << binary << " ended without a word";
  ASSERT_EQ(std::sscanf(line, "mnemed: serving grpc on %127[^,],", address), 1)
      << line;
  address_ = address;
}

ServerProcess::~ServerProcess() {
  if (pid_ > 0) Kill();
}

void ServerProcess::Kill() {
  kill(pid_, SIGKILL);
  Wait();
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
