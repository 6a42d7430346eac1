// The calls of a Client that do not block.

#include <future>
#include <memory>
#include <string>
#include <utility>

#include "client/error.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/client_fixture.h"

namespace mneme::client {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A Done whose result is waited for.
template <typename Result>
class Awaited {
 public:
  Client::Done<Result> done() {
    return [this](absl::StatusOr<Result> result) {
      promise_.set_value(std::move(result));
    };
  }
  absl::StatusOr<Result> Get() { return promise_.get_future().get(); }

 private:
  std::promise<absl::StatusOr<Result>> promise_;
};

class ClientAsyncTest : public ClientTest {
 protected:
  absl::StatusOr<SessionInfo> Open(const std::string& id) {
    SessionSpec spec;
    spec.session_id = id;
    Awaited<SessionInfo> opened;
    client_->OpenSession(spec, opened.done());
    return opened.Get();
  }
  absl::StatusOr<StreamReply> Process(const SegmentMessage& message) {
    Awaited<StreamReply> reply;
    client_->Process(message, reply.done());
    return reply.Get();
  }
};

TEST_F(ClientAsyncTest, OpensAndCloses) {
  ASSERT_OK_AND_ASSIGN(const SessionInfo session, Open("a"));
  EXPECT_EQ(session.session_id, "a");
  EXPECT_EQ(server_.session_count(), 1u);
  Awaited<MemoryHandle> closed;
  client_->CloseSession("a", closed.done());
  ASSERT_OK_AND_ASSIGN(const MemoryHandle last, closed.Get());
  EXPECT_EQ(last, session.head.handle);
  EXPECT_EQ(server_.session_count(), 0u);
  EXPECT_THAT(server_.erased(), IsEmpty());
  EXPECT_THAT(server_.session_metadata(), ElementsAre("a", "a"));
}

TEST_F(ClientAsyncTest, DrawsAnIdWhereThereIsNone) {
  ASSERT_OK_AND_ASSIGN(const SessionInfo session, Open(""));
  EXPECT_THAT(session.session_id, SizeIs(32));
}

TEST_F(ClientAsyncTest, Erases) {
  ASSERT_THAT(Open("a"), IsOk());
  Awaited<MemoryHandle> erased;
  client_->EraseSession("a", erased.done());
  EXPECT_THAT(erased.Get(), IsOk());
  EXPECT_THAT(server_.erased(), ElementsAre("a"));
}

TEST_F(ClientAsyncTest, ErrorsCarryTheirDetails) {
  ASSERT_THAT(Open("a"), IsOk());
  const auto again = Open("a");
  EXPECT_THAT(again, StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_EQ(DetailsOf(again.status()).reason, "ALREADY_EXISTS");
  Awaited<MemoryHandle> closed;
  client_->CloseSession("none", closed.done());
  EXPECT_THAT(closed.Get(), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(ClientAsyncTest, ProcessAppliesAMessageWhereItSays) {
  ASSERT_OK_AND_ASSIGN(const SessionInfo session, Open("a"));
  SegmentMessage message;
  message.at = session.head.handle;
  message.tokens = {1, 2, 3, 4, 5, 6, 7, 8};
  message.outputs.names = {"argmax"};
  ASSERT_OK_AND_ASSIGN(const StreamReply full, Process(message));
  ASSERT_THAT(full.segments, SizeIs(1));
  EXPECT_EQ(full.segments[0].num_tokens, 8u);
  ASSERT_NE(full.segments[0].Find("argmax"), nullptr);
  EXPECT_EQ(full.next.handle.step, 1u);
  message.at = full.next.handle;
  message.tokens = {9};
  message.flush_tail = 1;
  ASSERT_OK_AND_ASSIGN(const StreamReply flushed, Process(message));
  ASSERT_THAT(flushed.segments, SizeIs(1));
  EXPECT_EQ(flushed.head.step, 2u);
  EXPECT_EQ(server_.StepOf("a"), 2u);
}

TEST_F(ClientAsyncTest, ProcessedAgainAMessageIsAnsweredAgain) {
  ASSERT_OK_AND_ASSIGN(const SessionInfo session, Open("a"));
  SegmentMessage message;
  message.at = session.head.handle;
  message.tokens = {1, 2, 3, 4, 5, 6, 7, 8};
  ASSERT_THAT(Process(message), IsOk());
  ASSERT_OK_AND_ASSIGN(const StreamReply again, Process(message));
  ASSERT_THAT(again.segments, SizeIs(1));
  EXPECT_EQ(again.segments[0].source, ResultSource::kKept);
  message.tokens[0] = 7;
  EXPECT_THAT(Process(message), StatusIs(absl::StatusCode::kAborted));
}

// The callback is the last owner of nothing that gRPC's thread must not end.
TEST_F(ClientAsyncTest, TheClientMayGoOnceItWasCalledBack) {
  for (int i = 0; i < 100; ++i) {
    Client::Options options;
    options.server = server_.address();
    ASSERT_OK_AND_ASSIGN(auto client, Client::Create(options));
    Awaited<MemoryHandle> closed;
    client->CloseSession("none", closed.done());
    EXPECT_THAT(closed.Get(), StatusIs(absl::StatusCode::kNotFound));
  }
}

}  // namespace
}  // namespace mneme::client
