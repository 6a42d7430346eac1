#include <nlohmann/json.hpp>

#include "server/base/error_info.h"
#include "server/session/session_record.h"
#include "tests/server/session/session_fixture.h"

namespace mneme {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class SessionRecoveryTest : public SessionFixture {
 protected:
  InProcessStore& store() { return static_cast<InProcessStore&>(*store_); }

  // What makes session "s" with one value in the store, and no record yet.
  static Commit ValueCommit() {
    Commit commit;
    commit.record.session = Key("s");
    commit.record.values = {kValue.digest};
    commit.values.push_back(
        {kValue.digest, std::make_shared<const std::string>("its value")});
    return commit;
  }
  static inline const ValueKey kValue = {"default", {}, {1}};

  // Session "s" with a record that a later server wrote, and a value.
  void StoreNewerRecord() {
    nlohmann::json json = {{"format", 99}};
    Commit commit = ValueCommit();
    nlohmann::json::to_cbor(json, commit.record.bytes);
    ASSERT_OK(store_->Apply({commit})[0]);
  }
};

TEST_F(SessionRecoveryTest, BringsSessionsBackAtTheirHeads) {
  ASSERT_OK(Open("s"));
  ASSERT_OK(Send("s", Request(At("s"), Range(0, 10))).Get());
  const SessionInfo before = *manager_->Get(Key("s"));
  Restart();
  ASSERT_OK_AND_ASSIGN(const SessionInfo after, manager_->Get(Key("s")));
  EXPECT_EQ(after.head.handle, before.head.handle);
  EXPECT_EQ(after.retained, before.retained);
  EXPECT_EQ(after.created, before.created);
  EXPECT_EQ(after.head.tail, 0u) << "the tail is not durable";
  const auto reply = Send("s", Request(At("s"), Range(8, 4))).Get();
  ASSERT_OK(reply);
  EXPECT_EQ(LastSum(reply), Oracle(Range(0, 12)));
}

TEST_F(SessionRecoveryTest, ASessionOfOtherWeightsSaysModelMismatch) {
  ASSERT_OK(Open("s"));
  model_.mutable_spec()->fingerprint.fill(1);
  Restart();
  EXPECT_OK(manager_->Get(Key("s")));
  const auto reply = Send("s", Request({}, {1})).Get();
  EXPECT_THAT(reply, StatusIs(absl::StatusCode::kFailedPrecondition,
                              HasSubstr("other weights")));
  EXPECT_EQ(GetErrorInfo(reply.status()).reason, "MODEL_MISMATCH");
}

TEST_F(SessionRecoveryTest, ASessionOfAnotherNumericModeSaysModelMismatch) {
  ASSERT_OK(Open("s"));
  model_.mutable_spec()->numeric_mode = "int32";
  Restart();
  EXPECT_THAT(Send("s", Request({}, {1})).Get(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("int64"), HasSubstr("int32"))));
}

TEST_F(SessionRecoveryTest, ASessionOfOtherMemoryTensorsNamesTheTensor) {
  ASSERT_OK(Open("s"));
  const auto expect_mismatch = [&](const char* text) {
    Restart();
    const auto reply = Send("s", Request({}, {1})).Get();
    EXPECT_THAT(reply, StatusIs(absl::StatusCode::kFailedPrecondition,
                                HasSubstr(text)));
    EXPECT_EQ(GetErrorInfo(reply.status()).reason, "MODEL_MISMATCH");
  };
  std::vector<TensorSpec>& memory = model_.mutable_spec()->memory;
  const std::vector<TensorSpec> stored = memory;
  memory[0].shape = {2};
  expect_mismatch("memory tensor 'sum' was I64 [1], here it is I64 [2]");
  memory = stored;
  memory[0].dtype = DType::kInt32;
  expect_mismatch("memory tensor 'sum' was I64 [1], here it is I32 [1]");
  memory = stored;
  memory.push_back({"last_hidden", DType::kFloat32, {8}});
  expect_mismatch("memory tensor 'last_hidden' was not there");
  memory.clear();
  expect_mismatch("memory tensor 'sum' was I64 [1], here there is none");
}

TEST_F(SessionRecoveryTest, ACorruptRecordIsDataLossNotAFreshStart) {
  Commit commit = ValueCommit();
  commit.record.bytes = "not a record";
  ASSERT_OK(store_->Apply({commit})[0]);
  Restart();
  EXPECT_OK(store_->GetValue(kValue));
  EXPECT_THAT(manager_->Get(Key("s")), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(Open("s"), StatusIs(absl::StatusCode::kAlreadyExists));
}

TEST_F(SessionRecoveryTest, ANewerRecordIsRefusedByItsNumberNotAsCorrupt) {
  StoreNewerRecord();
  Restart();
  EXPECT_THAT(
      manager_->Get(Key("s")),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("format 99")));
  EXPECT_THAT(
      Send("s", Request({}, {1})).Get(),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("format 99")));
}

TEST_F(SessionRecoveryTest, ASessionThatCannotBeReadCanBeClosed) {
  StoreNewerRecord();
  ASSERT_OK(Open("t"));
  store().CorruptRecordForTest(Key("t"));
  Restart();
  for (const char* id : {"s", "t"}) {
    EXPECT_THAT(Close(id), IsOkAndHolds(MemoryHandle{id, 0, {}}));
    EXPECT_THAT(manager_->Get(Key(id)), StatusIs(absl::StatusCode::kNotFound));
    EXPECT_OK(Open(id));
  }
  EXPECT_THAT(store_->GetValue(kValue), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace mneme
