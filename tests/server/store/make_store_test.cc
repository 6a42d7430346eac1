#include "server/store/make_store.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/store/store_builders.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_folder.h"

namespace mneme {
namespace {

using ::absl::StatusCode;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(MakeStoreTest, MakesAMemoryStore) {
  ASSERT_OK_AND_ASSIGN(const auto store, MakeStore("memory:"));
  EXPECT_THAT(ApplyOne(store.get(), StepCommit(Session("s"), 0)), IsOk());
}

TEST(MakeStoreTest, MakesARocksDbStoreWithItsFolders) {
  TempFolder dir;
  const std::string address = absl::StrCat("rocksdb:", dir.path(), "/a/b");
  {
    ASSERT_OK_AND_ASSIGN(const auto store, MakeStore(address));
    ASSERT_THAT(ApplyOne(store.get(), StepCommit(Session("s"), 0)), IsOk());
  }
  ASSERT_OK_AND_ASSIGN(const auto store, MakeStore(address));
  EXPECT_EQ(store->LoadRecords()->records.size(), 1u);
}

TEST(MakeStoreTest, RefusesAnythingElseByFlag) {
  for (const char* address :
       {"", "memory", "memory:x", "rocksdb", "rocksdb:", "/x"}) {
    EXPECT_THAT(MakeStore(address),
                StatusIs(StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("--store"), HasSubstr("memory:"),
                               HasSubstr("rocksdb:PATH"))))
        << address;
  }
}

TEST(MakeStoreTest, ARedisAddressIsCheckedAndReached) {
  EXPECT_THAT(MakeStore("redis://host:port"),
              StatusIs(StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("--store"), HasSubstr("'port'"))));
  EXPECT_THAT(MakeStore("redis+unix:/proc/none"),
              StatusIs(StatusCode::kUnavailable, HasSubstr("/proc/none")));
}

TEST(MakeStoreTest, AFolderThatCannotBeMadeIsNamed) {
  EXPECT_THAT(MakeStore("rocksdb:/proc/none"),
              StatusIs(StatusCode::kUnavailable, HasSubstr("/proc/none")));
}

TEST(MakeStoreTest, PassesTheAsyncWindowOn) {
  TempFolder dir;
  StoreOptions options;
  options.async_window = absl::Milliseconds(-5);
  EXPECT_THAT(MakeStore(absl::StrCat("rocksdb:", dir.path()), options),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("-5ms")));
}

}  // namespace
}  // namespace mneme
