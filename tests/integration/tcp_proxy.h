#ifndef MNEME_TESTS_INTEGRATION_TCP_PROXY_H_
#define MNEME_TESTS_INTEGRATION_TCP_PROXY_H_

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "server/base/mutex.h"

namespace mneme {

// Passes bytes on between clients and a server on the loopback, until a test
// cuts the connections, as a network does: neither side says goodbye.
// Thread-safe.
class TcpProxy {
 public:
  // In front of the server at this port.
  explicit TcpProxy(int server_port);
  ~TcpProxy();
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;

  std::string address() const;
  // Ends every connection there is. New ones are accepted.
  void Cut() ABSL_LOCKS_EXCLUDED(mu_);
  // From now on nothing comes through the connections there are, and neither
  // side is told. New ones work.
  void Silence() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Accept() ABSL_LOCKS_EXCLUDED(mu_);
  using Silent = std::shared_ptr<std::atomic<bool>>;
  static void Pump(int from, int to, const Silent& silent);

  const int server_port_;
  int listener_ = -1;
  int port_ = 0;
  Mutex mu_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  // Open until the end: a number that is closed could be another's already.
  std::vector<int> sockets_ ABSL_GUARDED_BY(mu_);
  std::vector<Silent> silent_ ABSL_GUARDED_BY(mu_);  // of each connection
  std::vector<std::thread> pumps_ ABSL_GUARDED_BY(mu_);
  std::thread acceptor_;
};

}  // namespace mneme

#endif  // MNEME_TESTS_INTEGRATION_TCP_PROXY_H_
