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
  void CorruptObject(const ObjectKey& key) override {
    store_.CorruptObjectForTest(key);
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

TEST(InProcessStoreTest, FindHeadTellsHeadAndDurability) {
  InProcessStore store;
  EXPECT_EQ(store.FindHead(Session("s")), std::nullopt);
  ASSERT_THAT(store.ApplyOne(StepCommit(Session("s"), 0, Durability::kAsync)),
              IsOk());
  const auto head = store.FindHead(Session("s"));
  ASSERT_TRUE(head.has_value());
  EXPECT_EQ(head->head, HeadOf(Session("s"), 0));
  EXPECT_EQ(head->durability, Durability::kAsync);
}

TEST(InProcessStoreTest, FindHeadOfARemovedSessionIsGone) {
  InProcessStore store;
  ASSERT_THAT(store.ApplyOne(StepCommit(Session("s"), 0)), IsOk());
  ASSERT_THAT(store.Remove(Session("s")), IsOk());
  EXPECT_EQ(store.FindHead(Session("s")), std::nullopt);
}

}  // namespace
}  // namespace mneme
