#include "server/store/redis_connection.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <functional>
#include <thread>

#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_folder.h"

namespace mneme {
namespace {

using ::absl::StatusCode;
using ::testing::HasSubstr;

// Takes one connection, and answers each command on it with what it is told.
class ScriptedRedis {
 public:
  using Answer = std::function<std::string(int command)>;

  explicit ScriptedRedis(Answer answer)
      : answer_(std::move(answer)), listener_(socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, this->address().unix_socket.c_str(),
                 sizeof address.sun_path - 1);
    EXPECT_EQ(bind(listener_, reinterpret_cast<const sockaddr*>(&address),
                   sizeof address),
              0);
    EXPECT_EQ(listen(listener_, 1), 0);
    thread_ = std::thread([this] { Serve(); });
  }
  ~ScriptedRedis() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  ScriptedRedis(const ScriptedRedis&) = delete;
  ScriptedRedis& operator=(const ScriptedRedis&) = delete;

  RedisAddress address() const {
    RedisAddress address;
    address.unix_socket = dir_.File("socket");
    return address;
  }
  int commands() const { return commands_; }

 private:
  // A command comes in one piece, since each waits for its reply.
  void Serve() {
    const int client = accept(listener_, nullptr, nullptr);
    std::array<char, 1024> bytes;
    while (client >= 0 && recv(client, bytes.data(), bytes.size(), 0) > 0) {
      const std::string reply = answer_(commands_++);
      EXPECT_EQ(send(client, reply.data(), reply.size(), MSG_NOSIGNAL),
                static_cast<ssize_t>(reply.size()));
    }
    if (client >= 0) close(client);
  }

  TempFolder dir_;
  const Answer answer_;
  const int listener_;
  std::atomic<int> commands_ = 0;
  std::thread thread_;
};

absl::StatusOr<RedisReply> Ask(const ScriptedRedis& server) {
  RedisConnection::Options options;
  options.address = server.address();
  RedisConnection connection(options);
  return connection.Run(RedisCommand{"HGET", "key", "field"});
}

TEST(RedisConnectionTest, WhatIsToBeTriedAgainIs) {
  const ScriptedRedis server([](int command) {
    return command < 3 ? "-TRYAGAIN Multiple keys request\r\n" : ":7\r\n";
  });
  const auto reply = Ask(server);
  ASSERT_OK(reply);
  EXPECT_EQ(reply->integer, 7);
  EXPECT_EQ(server.commands(), 4);
}

TEST(RedisConnectionTest, ButNotForever) {
  const ScriptedRedis server(
      [](int) { return "-TRYAGAIN Multiple keys request\r\n"; });
  EXPECT_THAT(Ask(server),
              StatusIs(StatusCode::kUnavailable, HasSubstr("TRYAGAIN")));
  EXPECT_EQ(server.commands(), 21);
}

}  // namespace
}  // namespace mneme
