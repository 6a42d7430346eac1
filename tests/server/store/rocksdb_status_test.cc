#include "server/store/rocksdb_status.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/error_info.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::absl::StatusCode;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(RocksDbStatusTest, OkIsOk) {
  EXPECT_THAT(FromRocksDb(rocksdb::Status::OK(), "reading"), IsOk());
}

TEST(RocksDbStatusTest, SaysWhatFailedAndWhy) {
  EXPECT_THAT(
      FromRocksDb(rocksdb::Status::Corruption("bad block"), "reading x"),
      StatusIs(StatusCode::kDataLoss,
               AllOf(HasSubstr("reading x"), HasSubstr("bad block"))));
}

TEST(RocksDbStatusTest, EachKindHasItsCode) {
  EXPECT_THAT(FromRocksDb(rocksdb::Status::NotFound(), ""),
              StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(FromRocksDb(rocksdb::Status::InvalidArgument(), ""),
              StatusIs(StatusCode::kFailedPrecondition));
  EXPECT_THAT(FromRocksDb(rocksdb::Status::NotSupported(), ""),
              StatusIs(StatusCode::kFailedPrecondition));
}

TEST(RocksDbStatusTest, EverythingElseIsAStoreThatIsDown) {
  for (const rocksdb::Status& status :
       {rocksdb::Status::IOError("eio"), rocksdb::Status::NoSpace(),
        rocksdb::Status::Busy(), rocksdb::Status::ShutdownInProgress(),
        rocksdb::Status::TimedOut(), rocksdb::Status::Aborted()}) {
    const absl::Status converted = FromRocksDb(status, "writing");
    EXPECT_THAT(converted, StatusIs(StatusCode::kUnavailable));
    EXPECT_EQ(GetErrorInfo(converted).reason, "STORE_DOWN");
    EXPECT_TRUE(GetErrorInfo(converted).retry_after.has_value());
  }
}

}  // namespace
}  // namespace mneme
