#include "server/session/session.h"

#include <atomic>

#include "server/base/error_info.h"
#include "tests/server/session/session_fixture.h"

namespace mneme {
namespace {

using ::testing::HasSubstr;

// Its disk does not let go of the first session that is to be removed.
class RemoveFailsOnce : public InProcessStore {
 public:
  absl::Status Remove(const SessionKey& session,
                      const std::string& tombstone) override {
    if (!std::exchange(failed_, true)) {
      return absl::UnavailableError("the disk is away");
    }
    return InProcessStore::Remove(session, tombstone);
  }

 private:
  bool failed_ = false;
};

class SessionTest : public SessionFixture {};

TEST_F(SessionTest, MessagesThatEndAtOnceDoNotDeepenTheStack) {
  constexpr int kMessages = 200'000;
  limits_.queue_per_session = 2 * kMessages;
  limits_.queue_total = 2 * kMessages;
  Restart();
  ASSERT_OK(Open("s"));
  model_.Hold();
  const Reply running = Send("s", Request({}, Range(0, 4)));
  model_.AwaitHeld();
  const CursorRef cursor = std::make_shared<Cursor>();
  std::atomic<int> answered = 0;
  for (int i = 0; i < kMessages; ++i) {
    manager_->Process(Key("s"), cursor, Request({}, {}),
                      [&](const absl::StatusOr<SegmentReply>& reply) {
                        if (reply.ok()) ++answered;
                      });
  }
  const Reply last = Send("s", Request({}, Range(4, 4)));
  model_.Release();
  EXPECT_OK(running.Get());
  ASSERT_OK(last.Get());
  EXPECT_EQ(LastSum(last.Get()), Oracle(Range(0, 8)));
  EXPECT_EQ(answered, kMessages);
}

TEST_F(SessionTest, AMessageSentFromAnAnswerRunsAfterThoseThatWait) {
  ASSERT_OK(Open("s"));
  model_.Hold();
  const Reply running = Send("s", Request({}, Range(0, 4)));
  model_.AwaitHeld();
  Reply from_answer;
  manager_->Process(Key("s"), std::make_shared<Cursor>(), Request({}, {}),
                    [&](const absl::StatusOr<SegmentReply>&) {
                      manager_->Process(Key("s"), std::make_shared<Cursor>(),
                                        Request({}, Range(8, 4)),
                                        from_answer.Setter());
                    });
  const Reply waiting = Send("s", Request({}, Range(4, 4)));
  model_.Release();
  ASSERT_OK(from_answer.Get());
  EXPECT_EQ(LastSum(from_answer.Get()), Oracle(Range(0, 12)));
}

TEST_F(SessionTest, AfterACloseThatFailedItIsOpenAndCanBeClosedAgain) {
  UseStore(std::make_unique<RemoveFailsOnce>());
  ASSERT_OK(Open("s"));
  ASSERT_OK(Send("s", Request(At("s"), Range(0, 4))).Get());
  const MemoryHandle head = At("s").handle;
  EXPECT_THAT(Close("s"), StatusIs(absl::StatusCode::kUnavailable,
                                   HasSubstr("the disk is away")));
  const auto reply = Send("s", Request(At("s"), {})).Get();
  ASSERT_OK(reply);
  EXPECT_EQ(reply->head.handle, head);
  EXPECT_THAT(Close("s"), IsOkAndHolds(head));
  EXPECT_THAT(manager_->Get(Key("s")), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(SessionTest, ACommitThatTheStoreRefusesSaysWhereTheSessionIs) {
  ASSERT_OK(Open("s"));
  const Position start = At("s");
  Commit other;  // as another server would
  other.record = store_->LoadRecords()->records.at(0);
  other.expected_head = start.handle.digest;
  other.record.head.fill(7);
  other.record.bytes = "of another server";
  ASSERT_OK(store_->Apply({other})[0]);
  const auto reply = Send("s", Request(start, Range(0, 4))).Get();
  EXPECT_THAT(reply, StatusIs(absl::StatusCode::kAborted));
  const ErrorInfo info = GetErrorInfo(reply.status());
  EXPECT_EQ(info.reason, "VERSION_CONFLICT");
  EXPECT_EQ(info.metadata.at("head"), start.handle.ToString());
  EXPECT_EQ(info.metadata.at("tail"), "0");
}

}  // namespace
}  // namespace mneme
