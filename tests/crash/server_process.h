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
  // Starts `binary` and waits until it says where it serves: on a free port,
  // unless `listen` is the address of a server before it. A server that does
  // not come up fails the test.
  ServerProcess(const std::string& binary, std::vector<std::string> flags,
                const std::string& listen = "127.0.0.1:0");
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  const std::string& address() const { return address_; }

  // SIGKILL, and waits for the end.
  void Kill();
  // SIGTERM, and waits for the end; the exit status, or -signal.
  int Terminate();

 private:
  void Start(const std::string& binary, std::vector<std::string> flags,
             const std::string& listen);
  int Wait();

  pid_t pid_ = -1;
  std::string address_;
};

}  // namespace mneme

#endif  // MNEME_TESTS_CRASH_SERVER_PROCESS_H_
