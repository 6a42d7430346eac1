#ifndef MNEME_TESTS_CRASH_SERVER_PROCESS_H_
#define MNEME_TESTS_CRASH_SERVER_PROCESS_H_

#include <sys/types.h>

#include <string>
#include <vector>

namespace mneme {

// A real mnemed, as a child process. Killed at the latest by the destructor, or
// with the thread that made it. Used by one thread, but for AwaitEnd().
class ServerProcess {
 public:
  // Starts `binary` and waits until it says where it serves: on a free port,
  // unless `listen` is the address of a server before it. `environment` is
  // added to the test's own, as NAME=VALUE. A server that does not come up
  // fails the test.
  ServerProcess(const std::string& binary, std::vector<std::string> flags,
                const std::string& listen = "127.0.0.1:0",
                const std::vector<std::string>& environment = {});
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  const std::string& address() const { return address_; }
  const std::string& metrics() const { return metrics_; }

  // Blocks until the process has ended, of itself or not. For another thread,
  // which returns before the process is destroyed.
  void AwaitEnd() const;
  // SIGKILL, and waits for the end; the exit status, or -signal: another than
  // SIGKILL where it had ended before.
  int Kill();
  // SIGTERM, and waits for the end; the exit status, or -signal.
  int Terminate();

 private:
  void Start(const std::string& binary, std::vector<std::string> flags,
             std::vector<std::string> environment);
  int Wait();

  pid_t pid_ = -1;
  std::string address_;
  std::string metrics_;
};

}  // namespace mneme

#endif  // MNEME_TESTS_CRASH_SERVER_PROCESS_H_
