#ifndef MNEME_TESTS_SERVER_STORE_REDIS_SERVER_H_
#define MNEME_TESTS_SERVER_STORE_REDIS_SERVER_H_

#include <memory>
#include <string>
#include <vector>

#include "server/store/redis_address.h"
#include "server/store/redis_connection.h"
#include "tests/testing/child_process.h"
#include "tests/testing/temp_folder.h"

namespace mneme {

// A redis-server of the test's own, with its data in a temporary folder and its
// socket there too: it needs no port, unless it has replicas. Killed at the end
// of the scope. Used by one thread, but Kill() while others use the server.
class RedisServer {
 public:
  // With the settings that kSync needs; `settings` are words of the command
  // line ("--name", "value") that come after, so that they win.
  explicit RedisServer(std::vector<std::string> settings = {});

  // A replica of a server that Listen()s.
  static std::unique_ptr<RedisServer> ReplicaOf(const RedisServer& primary);

  // From now on over TCP too, on a free port of the loopback interface.
  void Listen();
  int port() const { return port_; }
  RedisAddress address() const;
  RedisAddress tcp_address() const;
  // Where its data is.
  const std::string& folder() const { return dir_.path(); }

  // SIGKILL, as when power goes; what is on disk stays.
  void Kill() { process_.reset(); }
  // Returns when it serves. REQUIRES: killed.
  void Start();
  // Between these it is there, but answers nothing.
  void Pause() { process_->Signal(SIGSTOP); }
  void Continue() { process_->Signal(SIGCONT); }
  // Makes a replica a primary.
  void Promote() { Run({"REPLICAOF", "NO", "ONE"}); }

  // Behind the store's back, on a connection of its own.
  RedisReply Run(const RedisCommand& command);
  int CountKeys();
  // No server holds a session any more, as when all were idle for a lease.
  void EndLeases();
  // How often a command was run since the start.
  int CountCalls(const std::string& command);
  // Changes the last byte.
  void FlipField(const std::string& key, const std::string& field);

 private:
  TempFolder dir_;
  std::vector<std::string> settings_;
  int port_ = 0;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace mneme

#endif  // MNEME_TESTS_SERVER_STORE_REDIS_SERVER_H_
