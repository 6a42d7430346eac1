#include "server/session/prefix_index.h"

#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/fake_model.h"

namespace mneme {
namespace {

PrefixKey Key(uint8_t digest) {
  PrefixKey key = {"tenant", nullptr, {}};
  key.digest.fill(digest);
  return key;
}

// The index never looks into a session.
class PrefixIndexTest : public ::testing::Test {
 protected:
  static std::shared_ptr<Session> MakeSession() {
    const auto anything = std::make_shared<int>();
    return {anything, reinterpret_cast<Session*>(anything.get())};
  }
  std::shared_ptr<Session> a_ = MakeSession();
  std::shared_ptr<Session> b_ = MakeSession();
};

TEST_F(PrefixIndexTest, FindsTheNewestThatWasAdded) {
  PrefixIndex index(4);
  EXPECT_EQ(index.Find(Key(1)), nullptr);
  index.Add(Key(1), a_);
  index.Add(Key(2), a_);
  EXPECT_EQ(index.Find(Key(1)), a_);
  index.Add(Key(1), b_);
  EXPECT_EQ(index.Find(Key(1)), b_);
  EXPECT_EQ(index.Find(Key(2)), a_);
  EXPECT_EQ(index.size(), 2);
}

TEST_F(PrefixIndexTest, TellsTenantsAndModelsApart) {
  PrefixIndex index(4);
  const FakeModel model(4);
  index.Add(Key(1), a_);
  PrefixKey other = Key(1);
  other.tenant = "tenant2";
  EXPECT_EQ(index.Find(other), nullptr);
  other = Key(1);
  other.model = &model;
  EXPECT_EQ(index.Find(other), nullptr);
}

TEST_F(PrefixIndexTest, TheLeastRecentlyUsedGoesFirst) {
  PrefixIndex index(3);
  for (uint8_t i = 1; i <= 3; ++i) index.Add(Key(i), a_);
  EXPECT_NE(index.Find(Key(1)), nullptr);
  index.Add(Key(2), b_);
  index.Add(Key(4), a_);
  EXPECT_EQ(index.Find(Key(3)), nullptr);
  index.Add(Key(5), a_);
  EXPECT_EQ(index.Find(Key(1)), nullptr);
  EXPECT_EQ(index.Find(Key(2)), b_);
  EXPECT_EQ(index.size(), 3);
}

TEST_F(PrefixIndexTest, ASessionThatIsGoneIsForgotten) {
  PrefixIndex index(4);
  index.Add(Key(1), a_);
  a_ = nullptr;
  EXPECT_EQ(index.Find(Key(1)), nullptr);
  EXPECT_EQ(index.size(), 0);
}

TEST_F(PrefixIndexTest, WhatIsDroppedIsForgotten) {
  PrefixIndex index(4);
  index.Add(Key(1), a_);
  index.Drop(Key(1));
  index.Drop(Key(2));
  EXPECT_EQ(index.Find(Key(1)), nullptr);
  EXPECT_EQ(index.size(), 0);
}

TEST_F(PrefixIndexTest, ThreadsMayUseItAtOnce) {
  PrefixIndex index(8);
  std::vector<std::thread> threads;
  for (uint8_t seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&index, seed, session = MakeSession()] {
      for (int i = 0; i < 10'000; ++i) {
        const auto digest = static_cast<uint8_t>((i * 7 + seed) % 16);
        if (i % 3 == 0) index.Add(Key(digest), session);
        index.Find(Key(digest));
        if (i % 11 == 0) index.Drop(Key(digest));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(index.size(), 8);
}

}  // namespace
}  // namespace mneme
