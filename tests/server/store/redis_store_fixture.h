#ifndef MNEME_TESTS_SERVER_STORE_REDIS_STORE_FIXTURE_H_
#define MNEME_TESTS_SERVER_STORE_REDIS_STORE_FIXTURE_H_

#include <memory>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "server/store/redis_keys.h"
#include "server/store/redis_store.h"
#include "tests/server/store/redis_server.h"
#include "tests/server/store/store_builders.h"
#include "tests/testing/status_matchers.h"

namespace mneme {

// A Redis, and stores on it.
class RedisStoreTest : public ::testing::Test {
 protected:
  RedisStoreTest() { options_.address = server_.address(); }

  // One that comes when no other has been active for a lease.
  std::unique_ptr<RedisStore> Open() {
    EndLeases();
    auto store = RedisStore::Open(options_);
    EXPECT_THAT(store, IsOk());
    return store.ok() ? *std::move(store) : nullptr;
  }
  void EndLeases() {
    if (options_.address == server_.address()) server_.EndLeases();
  }
  absl::Status Step(RedisStore* store, int step,
                    Durability durability = Durability::kSync) {
    return ApplyOne(store, StepCommit(session_, step, durability));
  }
  // Where the session stands, whoever owns it.
  Digest Head(const RedisStore& store) {
    const auto loaded = store.LoadRecords();
    EXPECT_THAT(loaded, IsOk());
    if (!loaded.ok() || loaded->records.size() != 1) return Digest{};
    return loaded->records[0].head;
  }

  const SessionKey session_ = Session("s");
  const RedisKeys keys_{"mneme:"};
  RedisServer server_;
  RedisStore::Options options_;
};

}  // namespace mneme

#endif  // MNEME_TESTS_SERVER_STORE_REDIS_STORE_FIXTURE_H_
