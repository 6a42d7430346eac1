#include "tests/server/store/redis_server.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "tests/testing/free_port.h"

namespace mneme {
namespace {

constexpr char kProgram[] = "/usr/bin/redis-server";

std::string Flipped(std::string bytes) {
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  return bytes;
}

}  // namespace

RedisServer::RedisServer(std::vector<std::string> settings)
    : settings_(std::move(settings)) {
  Start();
}

std::unique_ptr<RedisServer> RedisServer::ReplicaOf(
    const RedisServer& primary) {
  return std::make_unique<RedisServer>(std::vector<std::string>{
      "--replicaof", "127.0.0.1", absl::StrCat(primary.port())});
}

void RedisServer::Listen() {
  // Another program may take a free port first.
  for (int attempt = 0; attempt < 20; ++attempt) {
    port_ = FreePort();
    const RedisReply reply =
        Run({"CONFIG", "SET", "port", absl::StrCat(port_)});
    if (reply.kind != RedisReply::Kind::kError) return;
  }
  FAIL() << "no free port";
}

RedisAddress RedisServer::address() const {
  RedisAddress address;
  address.unix_socket = dir_.File("socket");
  return address;
}

RedisAddress RedisServer::tcp_address() const {
  RedisAddress address;
  address.host = "127.0.0.1";
  address.port = port_;
  return address;
}

void RedisServer::Start() {
  std::vector<std::string> arguments = {"--port",
                                        absl::StrCat(port_),
                                        "--bind",
                                        "127.0.0.1",
                                        "--unixsocket",
                                        address().unix_socket,
                                        "--dir",
                                        dir_.path(),
                                        "--save",
                                        "",
                                        "--appendonly",
                                        "yes",
                                        "--appendfsync",
                                        "always",
                                        "--repl-diskless-sync",
                                        "yes",
                                        "--repl-diskless-sync-delay",
                                        "0"};
  arguments.insert(arguments.end(), settings_.begin(), settings_.end());
  process_ = std::make_unique<ChildProcess>(kProgram, arguments);
  ASSERT_NE(process_->ReadUntil("ready to accept connections at"), "")
      << kProgram << " did not start";
}

RedisReply RedisServer::Run(const RedisCommand& command) {
  RedisConnection::Options options;
  options.address = address();
  RedisConnection connection(options);
  auto replies = connection.Run(std::vector<RedisCommand>{command});
  EXPECT_TRUE(replies.ok()) << replies.status();
  return replies.ok() ? std::move((*replies)[0]) : RedisReply();
}

int RedisServer::CountKeys() {
  return static_cast<int>(Run({"DBSIZE"}).integer);
}

void RedisServer::EndLeases() {
  for (const RedisReply& record : Run({"KEYS", "*}*:s:*"}).list) {
    Run({"HDEL", record.text, "o", "l"});
  }
}

int RedisServer::CountCalls(const std::string& command) {
  const std::string prefix = absl::StrCat("cmdstat_", command, ":calls=");
  const RedisReply info = Run({"INFO", "commandstats"});
  int calls = 0;
  for (absl::string_view line : absl::StrSplit(info.text, '\n')) {
    if (!absl::StartsWith(line, prefix)) continue;
    line.remove_prefix(prefix.size());
    EXPECT_TRUE(absl::SimpleAtoi(line.substr(0, line.find(',')), &calls));
  }
  return calls;
}

void RedisServer::FlipField(const std::string& key, const std::string& field) {
  const RedisReply stored = Run({"HGET", key, field});
  ASSERT_NE(stored.text, "") << key;
  Run({"HSET", key, field, Flipped(stored.text)});
}

}  // namespace mneme
