// Several servers on one Redis: what each of them knows of a session.

#include "absl/strings/str_cat.h"
#include "server/base/error_info.h"
#include "tests/server/session/shared_fixture.h"

namespace mneme {
namespace {

using ::absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class SharedSessionsTest : public SharedTest {
 protected:
  static std::vector<std::string> Ids(const SessionManager::Page& page) {
    std::vector<std::string> ids;
    for (const auto& info : page.sessions) ids.push_back(info.key.session_id);
    return ids;
  }
};

TEST_F(SharedSessionsTest, GetTellsTheTruthAndTakesNothing) {
  options_.lease = absl::Minutes(10);
  const auto a = Serve();
  const auto b = Serve();
  const Position start = a->Open("s")->head;
  EXPECT_EQ(b->Get("s")->head.handle, start.handle);
  const auto reply = a->Send("s", start, Range(0, 8));
  ASSERT_OK(reply);
  const auto info = b->Get("s");
  ASSERT_OK(info);
  EXPECT_EQ(info->head.handle, reply->head.handle);
  EXPECT_EQ(info->retained.size(), 3u);
  EXPECT_OK(a->Send("s", reply->head, Range(8, 4)));
  EXPECT_EQ(a->released(), 0);
}

TEST_F(SharedSessionsTest, ServersThatStartLaterFindWhatIsThere) {
  auto a = Serve();
  const Position start = a->Open("s")->head;
  ASSERT_OK(a->Send("s", start, Range(0, 8)));
  a.reset();
  const auto b = Serve();
  EXPECT_EQ(b->manager().stats().sessions, 0);
  EXPECT_EQ(b->Get("s")->head.handle.step, 2u);
  EXPECT_THAT(Ids(*b->List("", 10)), ElementsAre("s"));
  EXPECT_OK(b->Send("s", start, Range(0, 12)));
  EXPECT_EQ(b->manager().stats().sessions, 1);
}

TEST_F(SharedSessionsTest, ListNamesTheSessionsOfAllServersInOrder) {
  const auto a = Serve();
  const auto b = Serve();
  SessionManager::OpenRequest in_memory;
  in_memory.durability = Durability::kMemory;
  for (const int i : {5, 1, 3}) ASSERT_OK(a->Open(absl::StrCat("s", i)));
  for (const int i : {4, 2}) ASSERT_OK(b->Open(absl::StrCat("s", i)));
  ASSERT_OK(b->Open("s25", in_memory));
  for (SharingServer* server : {a.get(), b.get()}) {
    std::vector<std::string> listed;
    std::string after;
    do {
      const auto page = server->List(after, 2);
      ASSERT_OK(page);
      EXPECT_LE(page->sessions.size(), 2u);
      for (const std::string& id : Ids(*page)) listed.push_back(id);
      after = page->next;
    } while (!after.empty());
    if (server == a.get()) {
      EXPECT_THAT(listed, ElementsAre("s1", "s2", "s3", "s4", "s5"));
    } else {
      EXPECT_THAT(listed, ElementsAre("s1", "s2", "s25", "s3", "s4", "s5"));
    }
  }
}

TEST_F(SharedSessionsTest, ListGivesThoseWhoseIdsBeginSo) {
  const auto a = Serve();
  const auto b = Serve();
  SessionManager::OpenRequest in_memory;
  in_memory.durability = Durability::kMemory;
  for (const char* id : {"a", "b-1", "b-2", "b-3", "b-4", "c"}) {
    ASSERT_OK(a->Open(id));
  }
  ASSERT_OK(b->Open("b-25", in_memory));
  ASSERT_OK(b->Open("d-25", in_memory));
  std::vector<std::string> listed;
  std::string after;
  do {
    const auto page = b->List(after, 2, "b-");
    ASSERT_OK(page);
    for (const std::string& id : Ids(*page)) listed.push_back(id);
    after = page->next;
  } while (!after.empty());
  EXPECT_THAT(listed, ElementsAre("b-1", "b-2", "b-25", "b-3", "b-4"));
}

TEST_F(SharedSessionsTest, WhatOneServerClosedIsGoneOnAll) {
  const auto a = Serve();
  const auto b = Serve();
  const Position start = a->Open("s")->head;
  const auto reply = a->Send("s", start, Range(0, 8));
  ASSERT_OK(reply);
  EXPECT_THAT(b->Close("s"), IsOkAndHolds(reply->head.handle));
  EXPECT_THAT(b->Get("s"), StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(b->List("", 10)->sessions, IsEmpty());
  // Its lease, in which it need not ask, runs out.
  ASSERT_TRUE(Await([&] { return !a->Get("s").ok(); }));
  EXPECT_THAT(a->Get("s"), StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(a->Send("s", start, Range(0, 4)),
              StatusIs(StatusCode::kNotFound));
  EXPECT_EQ(a->manager().stats().sessions, 0);
  const auto anew = a->Open("s");
  ASSERT_OK(anew);
  EXPECT_EQ(b->Get("s")->head.handle.step, 0u);
}

TEST_F(SharedSessionsTest, AnIdThatWasTakenElsewhereIsTaken) {
  const auto a = Serve();
  const auto b = Serve();
  ASSERT_OK(a->Open("s"));
  EXPECT_THAT(b->Open("s"), StatusIs(StatusCode::kAlreadyExists));
  ASSERT_OK(b->Send("s", std::nullopt, Range(0, 4)));
  EXPECT_THAT(b->Open("s"), StatusIs(StatusCode::kAlreadyExists));
  ASSERT_OK(a->Close("s"));
  // Until its lease is over it need not know.
  EXPECT_TRUE(Await([&] { return b->Open("s").ok(); }));
}

TEST_F(SharedSessionsTest, AnotherSessionOfTheSameIdIsFound) {
  const auto a = Serve();
  const auto b = Serve();
  const Position first = a->Open("s")->head;
  ASSERT_OK(a->Send("s", first, Range(0, 8)));
  ASSERT_OK(b->Close("s"));
  const Position second = b->Open("s")->head;
  absl::StatusOr<SegmentReply> reply;
  ASSERT_TRUE(Await([&] {
    reply = a->Send("s", second, Range(4, 4));
    return !absl::IsUnavailable(reply.status());
  }));
  ASSERT_OK(reply);
  EXPECT_EQ(LastSum(reply), Oracle(Range(4, 4)));
}

TEST_F(SharedSessionsTest, ForksOfWhatOthersHadShareItsValues) {
  const auto a = Serve();
  const auto b = Serve();
  const Position start = a->Open("parent")->head;
  const auto reply = a->Send("parent", start, Range(0, 8));
  ASSERT_OK(reply);
  const auto fork = b->Fork("parent", "fork");
  ASSERT_OK(fork);
  ASSERT_OK(a->Close("parent"));
  const auto forked = a->Send("fork", fork->head, Range(8, 4));
  ASSERT_OK(forked);
  EXPECT_EQ(LastSum(forked), Oracle(Range(0, 12)));
}

TEST_F(SharedSessionsTest, AnUnknownSessionIsNotFound) {
  const auto a = Serve();
  EXPECT_THAT(a->Get("s"), StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(a->Send("s", std::nullopt, Range(0, 4)),
              StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(a->Close("s"), StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(a->Fork("s", "t"), StatusIs(StatusCode::kNotFound));
}

TEST_F(SharedSessionsTest, SessionsOfAnotherTenantAreNotFound) {
  const auto a = Serve();
  const auto b = Serve();
  ASSERT_OK(a->Open("s"));
  Pending<absl::StatusOr<SessionInfo>> info;
  b->manager().Get({"other", "s"}, info.Setter());
  EXPECT_THAT(info.Get(), StatusIs(StatusCode::kNotFound));
  Pending<absl::StatusOr<SessionManager::Page>> page;
  b->manager().List({"other", "", 10, ""}, page.Setter());
  EXPECT_THAT(page.Get()->sessions, IsEmpty());
}

TEST_F(SharedSessionsTest, ADamagedSessionIsDataLossAndCanBeClosed) {
  const auto a = Serve();
  const auto b = Serve();
  ASSERT_OK(a->Open("s"));
  redis_.FlipField(redis_.Run({"KEYS", "*:s:s"}).list[0].text, "r");
  EXPECT_THAT(b->Get("s"), StatusIs(StatusCode::kDataLoss));
  EXPECT_THAT(b->Send("s", std::nullopt, Range(0, 4)),
              StatusIs(StatusCode::kDataLoss));
  // Until the lease is over it is the other's.
  EXPECT_TRUE(Await([&] {
    const bool closed = b->Close("s").ok();
    EXPECT_EQ(b->Get("s").ok(), false);
    EXPECT_FALSE(b->Send("s", std::nullopt, Range(0, 4)).ok());
    return closed;
  }));
  EXPECT_THAT(b->Get("s"), StatusIs(StatusCode::kNotFound));
}

}  // namespace
}  // namespace mneme
