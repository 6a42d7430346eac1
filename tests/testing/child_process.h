#ifndef MNEME_TESTS_TESTING_CHILD_PROCESS_H_
#define MNEME_TESTS_TESTING_CHILD_PROCESS_H_

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/long_lived_fork.h"

namespace mneme {

// A program that runs beside the test; its standard output and error are read
// as one. Killed at the end of the scope where it has not ended, and when the
// test is.
class ChildProcess {
 public:
  ChildProcess(const char* program, const std::vector<std::string>& arguments) {
    int out[2];
    EXPECT_EQ(pipe(out), 0);
    std::vector<char*> argv = {const_cast<char*>(program)};
    for (const auto& a : arguments) argv.push_back(const_cast<char*>(a.data()));
    argv.push_back(nullptr);
    pid_ = LongLivedFork::Run([&] {
      dup2(out[1], 1);
      dup2(out[1], 2);
      close(out[0]);
      close(out[1]);
      execv(program, argv.data());
    });
    close(out[1]);
    output_ = fdopen(out[0], "r");
  }
  ~ChildProcess() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    fclose(output_);
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // "" at the end of the output.
  std::string ReadLine() {
    char line[4096];
    return fgets(line, sizeof line, output_) == nullptr ? "" : line;
  }
  // Reads up to a line that has `text`; "" when there is none.
  std::string ReadUntil(const std::string& text) {
    std::string line = ReadLine();
    while (!line.empty() && line.find(text) == std::string::npos) {
      line = ReadLine();
    }
    return line;
  }
  std::string ReadAll() {
    std::string all;
    for (std::string line; !(line = ReadLine()).empty();) all += line;
    return all;
  }
  pid_t pid() const { return pid_; }
  void Signal(int signal) { kill(pid_, signal); }
  // The exit code, or minus the signal that ended it.
  int Wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  pid_t pid_ = -1;
  FILE* output_ = nullptr;
};

}  // namespace mneme

#endif  // MNEME_TESTS_TESTING_CHILD_PROCESS_H_
