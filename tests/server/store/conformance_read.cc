// The part of the conformance suite that only reads.

#include "gmock/gmock.h"
#include "server/store/commit_check.h"
#include "tests/server/store/conformance.h"
#include "tests/server/store/store_builders.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::absl::StatusCode;
using ::testing::HasSubstr;

const SessionKey kSession = Session("s");

TEST_P(MemoryStoreConformance, WhatIsNotThereIsNotFoundByName) {
  EXPECT_THAT(store()->GetValue(ValueAt(kSession, 7)),
              StatusIs(StatusCode::kNotFound,
                       HasSubstr(Describe(ValueAt(kSession, 7)))));
  EXPECT_THAT(store()->GetReply(ReplyAt(kSession, 7)),
              StatusIs(StatusCode::kNotFound, HasSubstr("step 7")));
  ASSERT_THAT(ApplyOne(store(), StepCommit(kSession, 0)), IsOk());
  EXPECT_THAT(store()->GetReply(ReplyAt(kSession, 7)),
              StatusIs(StatusCode::kNotFound, HasSubstr("step 7")));
}

TEST_P(MemoryStoreConformance, ManyValuesAreReadAtOnceEachForItself) {
  const SessionKey memory = Session("memory");
  const SessionKey damaged = Session("damaged");
  ASSERT_THAT(ApplyOne(store(), StepCommit(kSession, 0)), IsOk());
  ASSERT_THAT(ApplyOne(store(), StepCommit(damaged, 0)), IsOk());
  ASSERT_THAT(ApplyOne(store(), StepCommit(memory, 0, Durability::kMemory)),
              IsOk());
  under_test_->CorruptValue(ValueAt(damaged, 0));
  const auto values =
      store()->GetValues({ValueAt(kSession, 0), ValueAt(kSession, 7),
                          ValueAt(memory, 0), ValueAt(damaged, 0)});
  ASSERT_EQ(values.size(), 4u);
  EXPECT_THAT(values[0], IsOkAndHolds(ValueOf(kSession, 0)));
  EXPECT_THAT(values[1], StatusIs(StatusCode::kNotFound,
                                  HasSubstr(Describe(ValueAt(kSession, 7)))));
  EXPECT_THAT(values[2], IsOkAndHolds(ValueOf(memory, 0)));
  EXPECT_THAT(values[3], StatusIs(StatusCode::kDataLoss));
  EXPECT_TRUE(store()->GetValues({}).empty());
}

}  // namespace
}  // namespace mneme
