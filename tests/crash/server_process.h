#ifndef MNEME_TESTS_CRASH_SERVER_PROCESS_H_
#define MNEME_TESTS_CRASH_SERVER_PROCESS_H_

#include <sys/types.h>

#include <string>
#include <vector>

namespace mneme {

// A real mnemed, as a child process. Used by one thread; killed at the latest
// by the destructor.
class ServerProcess {
 public:
  // Starts `binary` and waits until it says where it serves. Ports are free
  // ones. A server that does not come up fails the test.
  ServerProcess(const std::string& binary, std::vector<std::string> flags);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  const std::string& address() const { return address_; }

  // SIGKILL, and waits for the end.
  void Kill();
  // SIGTERM, and waits for the end; the exit status, or -signal.
  int Terminate();

 private:
  void Start(const std::string& binary, std::vector<std::string> flags);
  int Wait();

  pid_t pid_ = -1;
  std::string address_;
};

}  // namespace mneme

#endif  // MNEME_TESTS_CRASH_SERVER_PROCESS_H_
