#ifndef MNEME_TESTS_SERVER_STORE_REPLICATED_REDIS_H_
#define MNEME_TESTS_SERVER_STORE_REPLICATED_REDIS_H_

#include <filesystem>
#include <memory>
#include <utility>

#include "gtest/gtest.h"
#include "server/store/redis_address.h"
#include "tests/server/store/redis_server.h"
#include "tests/testing/temp_folder.h"

namespace mneme {

// A Redis with a replica, under an address that always leads to the primary, as
// a name does that whoever promotes a replica changes. Used by one thread,
// while others use the address.
class ReplicatedRedis {
 public:
  ReplicatedRedis() : primary_(std::make_unique<RedisServer>()) {
    AddReplica();
    PointToPrimary();
  }

  RedisAddress address() const {
    RedisAddress address;
    address.unix_socket = dir_.File("primary");
    return address;
  }
  RedisServer& primary() { return *primary_; }

  void KillPrimary() { primary_->Kill(); }
  // From now on the primary's writes are its own.
  void CutReplica() {
    replica_->Run({"REPLICAOF", "127.0.0.1", "1"});  // where nobody listens
  }
  // The replica is the primary now, and has no replica itself. REQUIRES: there
  // is one.
  void Promote() {
    replica_->Promote();
    primary_ = std::move(replica_);
    PointToPrimary();
  }
  // Returns when the new replica has all.
  void AddReplica() {
    primary_->Listen();
    replica_ = RedisServer::ReplicaOf(*primary_);
    // WAIT is about what its own connection wrote.
    RedisConnection::Options options;
    options.address = primary_->address();
    options.reply_timeout = absl::Seconds(60);
    RedisConnection connection(options);
    const auto replies =
        connection.Run({{"SET", "written", ""}, {"WAIT", "1", "50000"}});
    ASSERT_TRUE(replies.ok()) << replies.status();
    ASSERT_EQ(replies->back().integer, 1);
  }

 private:
  // At once: who connects finds the old one or the new one.
  void PointToPrimary() {
    std::filesystem::create_symlink(primary_->address().unix_socket,
                                    dir_.File("new"));
    std::filesystem::rename(dir_.File("new"), dir_.File("primary"));
  }

  TempFolder dir_;
  std::unique_ptr<RedisServer> primary_;
  std::unique_ptr<RedisServer> replica_;
};

}  // namespace mneme

#endif  // MNEME_TESTS_SERVER_STORE_REPLICATED_REDIS_H_
