// Servers on a Redis that has a replica, or has lost it.

#include "absl/strings/match.h"
#include "server/base/error_info.h"
#include "tests/server/session/shared_fixture.h"
#include "tests/server/store/replicated_redis.h"

namespace mneme {
namespace {

using ::absl::StatusCode;

class SharedReplicaTest : public SharedTest {
 protected:
  SharedReplicaTest() {
    options_.address = replicated_.address();
    options_.wait_replicas = 1;
    options_.wait_timeout = absl::Milliseconds(100);
    options_.reconnect_pause = absl::Milliseconds(1);
  }

  // What the message is answered because no replica acknowledges.
  absl::StatusOr<SegmentReply> SendInVain(SharingServer* server,
                                          const Position& at,
                                          const std::vector<int32_t>& tokens) {
    absl::StatusOr<SegmentReply> reply;
    EXPECT_TRUE(Await([&] {
      reply = server->Send("s", at, tokens);
      return absl::StrContains(reply.status().message(), "0 replicas");
    })) << reply.status();
    return reply;
  }
  // What a call is answered once enough of Redis is there, and in time.
  template <typename Call>
  static auto Patiently(const Call& call) {
    auto answer = call();
    EXPECT_TRUE(Await([&] {
      if (absl::IsUnavailable(answer.status())) answer = call();
      return !absl::IsUnavailable(answer.status());
    })) << answer.status();
    return answer;
  }
  static absl::StatusOr<SegmentReply> Send(SharingServer* server,
                                           const Position& at,
                                           const std::vector<int32_t>& tokens) {
    return Patiently([&] { return server->Send("s", at, tokens); });
  }
  static Position Open(SharingServer* server) {
    const auto info = Patiently([&] {
      auto opened = server->Open("s");
      return absl::IsAlreadyExists(opened.status()) ? server->Get("s") : opened;
    });
    EXPECT_OK(info);
    return info.ok() ? info->head : Position();
  }

  ReplicatedRedis replicated_;
};

TEST_F(SharedReplicaTest, WithoutOneNothingIsAcknowledgedOrLost) {
  const auto a = Serve();
  const auto b = Serve();
  const Position start = Open(a.get());
  const auto reply = Send(a.get(), start, Range(0, 8));
  ASSERT_OK(reply);
  replicated_.KillPrimary();
  replicated_.Promote();
  for (SharingServer* server : {a.get(), b.get()}) {
    const auto refused = SendInVain(server, reply->head, Range(8, 4));
    EXPECT_THAT(refused, StatusIs(StatusCode::kUnavailable));
    EXPECT_EQ(GetErrorInfo(refused.status()).reason, "STORE_DOWN");
    EXPECT_GE(server->Get("s")->head.handle.step, 2u);
  }
  replicated_.AddReplica();
  for (SharingServer* server : {a.get(), b.get()}) {
    const auto found = Send(server, reply->head, Range(8, 4));
    ASSERT_OK(found);
    EXPECT_EQ(found->head.handle.step, 3u);
    EXPECT_EQ(LastSum(found), Oracle(Range(0, 12)));
  }
}

// The server learns that another had the session, though it was not told at
// first that it has it now.
TEST_F(SharedReplicaTest, AnOldTailIsNotTakenUpAfterATakeoverInVain) {
  const auto a = Serve();
  const auto b = Serve();
  const Position start = Open(a.get());
  const auto stepped = Send(a.get(), start, Range(0, 6));
  ASSERT_OK(stepped);
  const MemoryHandle& head = stepped->head.handle;
  ASSERT_OK(Patiently([&] { return b->Rollback("s", head); }));
  const auto tail = Send(b.get(), Position{head, 0}, Range(50, 2));
  ASSERT_OK(tail);
  ASSERT_EQ(tail->next.tail, stepped->next.tail);
  replicated_.CutReplica();
  EXPECT_THAT(SendInVain(a.get(), tail->next, Range(52, 2)),
              StatusIs(StatusCode::kUnavailable));
  replicated_.AddReplica();
  EXPECT_THAT(Send(a.get(), tail->next, Range(52, 2)),
              StatusIs(StatusCode::kAborted));
  const auto resent = Send(a.get(), Position{head, 0}, Range(50, 4));
  ASSERT_OK(resent);
  std::vector<int32_t> all = Range(0, 4);
  for (const int32_t token : Range(50, 4)) all.push_back(token);
  EXPECT_EQ(LastSum(resent), Oracle(all));
}

}  // namespace
}  // namespace mneme
