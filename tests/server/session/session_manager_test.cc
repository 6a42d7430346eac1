#include "server/session/session_manager.h"

#include "server/base/error_info.h"
#include "tests/server/session/session_fixture.h"

namespace mneme {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
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
  SessionManager::OpenRequest request;
  request.model = "other";
  manager_->Open(Key("s"), request, info.Setter());
  EXPECT_THAT(info.Get(),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("'other'")));
  EXPECT_OK(Open("s"));
  EXPECT_THAT(Open("s"), StatusIs(absl::StatusCode::kAlreadyExists));
}

TEST_F(SessionManagerTest, ErrorsQuoteNoMoreOfARequestThanIsUseful) {
  const std::string huge(100'000, '\n');
  EXPECT_LT(manager_->Get(Key(huge)).status().message().size(), 600u);
  Pending<absl::StatusOr<SessionInfo>> info;
  SessionManager::OpenRequest request;
  request.model = huge;
  manager_->Open(Key("s"), request, info.Setter());
  EXPECT_THAT(info.Get(), StatusIs(absl::StatusCode::kNotFound,
                                   HasSubstr("(100000 bytes)")));
  EXPECT_LT(info.Get().status().message().size(), 600u);
}

TEST_F(SessionManagerTest, TheSessionLimitIsAQuota) {
  limits_.sessions = 1;
  Restart();
  EXPECT_OK(Open("a"));
  const auto refused = Open("b");
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kResourceExhausted));
  const ErrorInfo info = GetErrorInfo(refused.status());
  EXPECT_EQ(info.reason, "QUOTA_SESSIONS");
  EXPECT_EQ(info.retry_after, absl::Seconds(1));
}

TEST_F(SessionManagerTest, OtherTenantsDoNotSeeASession) {
  ASSERT_OK(Open("s"));
  const SessionKey other = {"other", "s"};
  EXPECT_THAT(manager_->Get(other), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_TRUE(List("other", "", 10, "").sessions.empty());
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
  auto page = List("default", "", 2, "");
  ASSERT_THAT(page.sessions, SizeIs(2));
  EXPECT_EQ(page.sessions[0].key.session_id, "a");
  EXPECT_EQ(page.sessions[1].key.session_id, "b");
  EXPECT_EQ(page.next, "b");
  page = List("default", page.next, 2, "");
  ASSERT_THAT(page.sessions, SizeIs(1));
  EXPECT_EQ(page.sessions[0].key.session_id, "c");
  EXPECT_EQ(page.next, "");
  EXPECT_EQ(List("default", "", 3, "").next, "");
  page = List("default", "", 2, "other");
  EXPECT_TRUE(page.sessions.empty());
  EXPECT_EQ(page.next, "");
}

TEST_F(SessionManagerTest, ListGivesThoseWhoseIdsBeginSo) {
  limits_.list_scan = 2;  // others are not even passed
  Restart();
  for (const char* id : {"a", "a-", "a-1", "a-2", "a-3", "a.", "b", "B"}) {
    ASSERT_OK(Open(id));
  }
  std::vector<std::string> ids;
  std::string after;
  do {
    const auto page = List("default", after, 2, "", "a-");
    for (const SessionInfo& info : page.sessions) {
      ids.push_back(info.key.session_id);
    }
    after = page.next;
  } while (!after.empty());
  EXPECT_THAT(ids, ElementsAre("a-", "a-1", "a-2", "a-3"));
  EXPECT_THAT(List("default", "", 2, "", "a-4").sessions, IsEmpty());
  EXPECT_THAT(List("other", "", 2, "", "a").sessions, IsEmpty());
  EXPECT_THAT(List("default", "b", 2, "", "a").sessions, IsEmpty());
}

TEST_F(SessionManagerTest, AListThatMatchesNothingLooksAtSoManyOnly) {
  limits_.list_scan = 2;
  Restart();
  for (const char* id : {"a", "b", "c"}) ASSERT_OK(Open(id));
  auto page = List("default", "", 10, "other");
  EXPECT_TRUE(page.sessions.empty());
  EXPECT_EQ(page.next, "b");
  page = List("default", page.next, 10, "other");
  EXPECT_TRUE(page.sessions.empty());
  EXPECT_EQ(page.next, "");
  page = List("default", "", 10, "fake");
  EXPECT_THAT(page.sessions, SizeIs(2));
  EXPECT_EQ(page.next, "b");
}

TEST_F(SessionManagerTest, CloseRemovesTheSessionAndWhatItStored) {
  ASSERT_OK(Open("s"));
  ASSERT_OK(Send("s", Request(At("s"), Range(0, 8))).Get());
  const MemoryHandle head = At("s").handle;
  const Root root = store_->LoadRecords()->records.at(0).root;
  EXPECT_OK(store_->GetValue({"default", root, head.digest}));
  EXPECT_THAT(Close("s"), IsOkAndHolds(head));
  EXPECT_THAT(manager_->Get(Key("s")), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_TRUE(store_->LoadRecords()->records.empty());
  EXPECT_THAT(store_->GetValue({"default", root, head.digest}),
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

TEST_F(SessionManagerTest, DrainRefusesNewSessionsAndFinishesOldWork) {
  ASSERT_OK(Open("s"));
  model_.Hold();
  const Reply running = Send("s", Request({}, Range(0, 8)));
  const Reply waiting = Send("s", Request({}, Range(8, 8)));
  model_.AwaitHeld();
  manager_->StartDrain();
  const auto refused = Open("t");
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kUnavailable));
  const ErrorInfo info = GetErrorInfo(refused.status());
  EXPECT_EQ(info.reason, "DRAINING");
  EXPECT_EQ(info.retry_after, absl::Seconds(1));
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
