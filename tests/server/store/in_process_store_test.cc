#include "server/store/in_process_store.h"

#include <memory>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/store/conformance.h"
#include "tests/server/store/store_builders.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

class InProcessUnderTest : public StoreUnderTest {
 public:
  MemoryStore* store() override { return &store_; }
  void CorruptValue(const ValueKey& key) override {
    store_.CorruptValueForTest(key);
  }
  void CorruptReply(const ReplyKey& key) override {
    store_.CorruptReplyForTest(key);
  }
  void CorruptRecord(const SessionKey& session) override {
    store_.CorruptRecordForTest(session);
  }

 private:
  InProcessStore store_;
};

INSTANTIATE_TEST_SUITE_P(
    Stores, MemoryStoreConformance,
    ::testing::Values(StoreFactory{
        "InProcess", [] { return std::make_unique<InProcessUnderTest>(); }}),
    StoreName);

INSTANTIATE_TEST_SUITE_P(
    Stores, MemoryStoreForkConformance,
    ::testing::Values(StoreFactory{
        "InProcess", [] { return std::make_unique<InProcessUnderTest>(); }}),
    StoreName);

TEST(InProcessStoreTest, FindsTheRecordUntilItIsRemoved) {
  InProcessStore store;
  EXPECT_EQ(store.Find(Session("s")), std::nullopt);
  ASSERT_THAT(store.ApplyOne(StepCommit(Session("s"), 0, Durability::kAsync)),
              IsOk());
  const auto record = store.Find(Session("s"));
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->head, HeadOf(Session("s"), 0));
  EXPECT_EQ(record->durability, Durability::kAsync);
  ASSERT_THAT(store.Remove(Session("s"), ""), IsOk());
  EXPECT_EQ(store.Find(Session("s")), std::nullopt);
}

}  // namespace
}  // namespace mneme
