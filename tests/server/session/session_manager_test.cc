#include "server/session/session_manager.h"

#include "server/base/error_info.h"
#include "tests/server/session/session_fixture.h"

namespace mneme {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class SessionManagerTest : public SessionFixture {};

TEST_F(SessionManagerTest, AnOpenedSessionHasTheInitialHandle) {
  ASSERT_OK_AND_ASSIGN(const SessionInfo info, Open("s"));
  EXPECT_EQ(info.head.handle.step, 0u);
  EXPECT_EQ(info.head.handle.digest,
            InitialDigest(std::string(32, '\0'), model_.spec().fingerprint));
  EXPECT_EQ(info.model, "fake");
  EXPECT_EQ(info.memory_bytes, 8);
  EXPECT_OK(manager_->Get(Key("s")));
}

TEST_F(SessionManagerTest, OpenRefusesBadIdsUnknownModelsAndDuplicates) {
  for (const std::string& id :
       {std::string(), std::string(129, 'a'), std::string("a/b"),
        std::string("a b"), std::string("a\0b", 3)}) {
    EXPECT_THAT(Open(id), StatusIs(absl::StatusCode::kInvalidArgument,
                                   HasSubstr("session_id")));
  }
  Pending<absl::StatusOr<SessionInfo>> info;
  manager_->Open(Key("s"), {.model = "other"}, info.Setter());
  EXPECT_THAT(info.Get(),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("'other'")));
  EXPECT_OK(Open("s"));
  EXPECT_THAT(Open("s"), StatusIs(absl::StatusCode::kAlreadyExists));
}

TEST_F(SessionManagerTest, TheSessionLimitIsAQuota) {
  limits_.sessions = 1;
  Restart();
  EXPECT_OK(Open("a"));
  const auto refused = Open("b");
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(GetErrorInfo(refused.status()).reason, "QUOTA_SESSIONS");
}

TEST_F(SessionManagerTest, OtherTenantsDoNotSeeASession) {
  ASSERT_OK(Open("s"));
  const SessionKey other = {"other", "s"};
  EXPECT_THAT(manager_->Get(other), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_TRUE(manager_->List("other", "", 10, "").empty());
  Pending<absl::StatusOr<MemoryHandle>> last;
  manager_->Close(other, last.Setter());
  EXPECT_THAT(last.Get(), StatusIs(absl::StatusCode::kNotFound));
  Reply reply;
  manager_->Process(other, std::make_shared<Cursor>(), Request({}, {1}),
                    reply.Setter());
  EXPECT_THAT(reply.Get(), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(SessionManagerTest, ListIsInIdOrderAndPages) {
  for (const char* id : {"c", "a", "b"}) ASSERT_OK(Open(id));
  auto page = manager_->List("default", "", 2, "");
  ASSERT_THAT(page, SizeIs(2));
  EXPECT_EQ(page[0].key.session_id, "a");
  EXPECT_EQ(page[1].key.session_id, "b");
  page = manager_->List("default", "b", 2, "");
  ASSERT_THAT(page, SizeIs(1));
  EXPECT_EQ(page[0].key.session_id, "c");
  EXPECT_TRUE(manager_->List("default", "", 2, "other").empty());
}

TEST_F(SessionManagerTest, CloseRemovesTheSessionAndWhatItStored) {
  ASSERT_OK(Open("s"));
  ASSERT_OK(Send("s", Request(At("s"), Range(0, 8))).Get());
  const MemoryHandle head = At("s").handle;
  EXPECT_THAT(Close("s"), IsOkAndHolds(head));
  EXPECT_THAT(manager_->Get(Key("s")), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_TRUE(store_->LoadRecords()->records.empty());
  EXPECT_THAT(store_->GetObject({Key("s"), ValueName(head.digest)}),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_OK(Open("s"));
}

TEST_F(SessionManagerTest, CloseWaitsForTheRunningSegmentAndRefusesTheRest) {
  ASSERT_OK(Open("s"));
  model_.Hold();
  const Reply running = Send("s", Request({}, Range(0, 4)));
  model_.AwaitHeld();
  const Reply waiting = Send("s", Request({}, Range(4, 4)));
  Pending<absl::StatusOr<MemoryHandle>> last;
  manager_->Close(Key("s"), last.Setter());
  EXPECT_THAT(waiting.Get(), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(GetErrorInfo(waiting.Get().status()).reason, "CLOSING");
  EXPECT_FALSE(last.ready());
  model_.Release();
  EXPECT_OK(running.Get());
  ASSERT_OK(last.Get());
  EXPECT_EQ(last.Get()->step, 1u);
}

TEST_F(SessionManagerTest, ARestartBringsSessionsBackAtTheirHeads) {
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

TEST_F(SessionManagerTest, ASessionOfOtherWeightsSaysModelMismatch) {
  ASSERT_OK(Open("s"));
  model_.mutable_spec()->fingerprint.fill(1);
  Restart();
  EXPECT_OK(manager_->Get(Key("s")));
  const auto reply = Send("s", Request({}, {1})).Get();
  EXPECT_THAT(reply, StatusIs(absl::StatusCode::kFailedPrecondition,
                              HasSubstr("other weights")));
  EXPECT_EQ(GetErrorInfo(reply.status()).reason, "MODEL_MISMATCH");
}

TEST_F(SessionManagerTest, ASessionOfAnotherNumericModeSaysModelMismatch) {
  ASSERT_OK(Open("s"));
  model_.mutable_spec()->numeric_mode = "int32";
  Restart();
  EXPECT_THAT(Send("s", Request({}, {1})).Get(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("int64"), HasSubstr("int32"))));
}

TEST_F(SessionManagerTest, ACorruptRecordIsDataLossNotAFreshStart) {
  Commit commit;
  commit.session = Key("s");
  commit.record = "not a record";
  commit.puts.push_back({{Key("s"), "value/1"}, "its value"});
  ASSERT_OK(store_->Apply({commit})[0]);
  Restart();
  EXPECT_OK(store_->GetObject({Key("s"), "value/1"}));
  EXPECT_THAT(manager_->Get(Key("s")), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(Open("s"), StatusIs(absl::StatusCode::kAlreadyExists));
}

TEST_F(SessionManagerTest, DrainRefusesNewSessionsAndFinishesOldWork) {
  ASSERT_OK(Open("s"));
  model_.Hold();
  const Reply running = Send("s", Request({}, Range(0, 8)));
  const Reply waiting = Send("s", Request({}, Range(8, 8)));
  model_.AwaitHeld();
  manager_->StartDrain();
  const auto refused = Open("t");
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(GetErrorInfo(refused.status()).reason, "DRAINING");
  EXPECT_FALSE(manager_->WaitIdle(clock_.Monotonic()));
  model_.Release();
  EXPECT_TRUE(manager_->WaitIdle(absl::InfiniteDuration()));
  EXPECT_OK(running.Get());
  ASSERT_OK(waiting.Get());
  EXPECT_EQ(waiting.Get()->head.handle.step, 4u);
}

TEST_F(SessionManagerTest, DestructionAnswersEverything) {
  ASSERT_OK(Open("s"));
  model_.Hold();
  const Reply running = Send("s", Request({}, Range(0, 40)));
  const Reply waiting = Send("s", Request({}, Range(0, 4)));
  model_.AwaitHeld();
  std::thread stop([this] { Stop(); });
  EXPECT_THAT(waiting.Get(), StatusIs(absl::StatusCode::kFailedPrecondition));
  model_.Release();
  stop.join();
  EXPECT_TRUE(running.ready());
  EXPECT_EQ(running.sets(), 1);
}

}  // namespace
}  // namespace mneme
