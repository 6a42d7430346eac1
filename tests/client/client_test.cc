#include "client/client.h"

#include <set>
#include <string>

#include "client/error.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/client_fixture.h"
#include "tests/testing/status_matchers.h"

namespace mneme::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::SizeIs;

TEST_F(ClientTest, ModelsAreDescribed) {
  ASSERT_OK_AND_ASSIGN(auto models, client_->ListModels());
  ASSERT_EQ(models.size(), 1u);
  EXPECT_EQ(models[0].name, "fake");
  EXPECT_EQ(models[0].segment_size, 8u);
  EXPECT_EQ(models[0].tokenizer, "bytes");
  EXPECT_EQ(models[0].memory_bytes, 4096u);
  EXPECT_TRUE(models[0].HasOutput("log_probs"));
  EXPECT_FALSE(models[0].HasOutput("logits"));
  ASSERT_OK_AND_ASSIGN(auto model, client_->GetModel("fake"));
  EXPECT_EQ(model.fingerprint, "fingerprint");
}

TEST_F(ClientTest, AnUnknownModelIsNotFoundWithItsReason) {
  auto model = client_->GetModel("other");
  EXPECT_THAT(model, StatusIs(absl::StatusCode::kNotFound, HasSubstr("other")));
  EXPECT_EQ(DetailsOf(model.status()).reason, "NOT_FOUND");
}

TEST_F(ClientTest, OpenDrawsAnIdAndSendsItAsMetadata) {
  SessionSpec spec;
  spec.memory_policy = MemoryPolicy::kReset;
  spec.durability = Durability::kAsync;
  ASSERT_OK_AND_ASSIGN(SessionInfo session, client_->OpenSession(spec));
  EXPECT_THAT(session.session_id, MatchesRegex("[0-9a-f]{32}"));
  EXPECT_EQ(session.memory_policy, MemoryPolicy::kReset);
  EXPECT_EQ(session.durability, Durability::kAsync);
  EXPECT_EQ(session.head.handle.step, 0u);
  EXPECT_EQ(session.head.handle.session_id, session.session_id);
  EXPECT_THAT(server_.session_metadata(), ElementsAre(session.session_id));
}

TEST_F(ClientTest, SessionsAreFoundListedAndClosed) {
  for (const char* id : {"a", "b", "c"}) {
    SessionSpec spec;
    spec.session_id = id;
    ASSERT_THAT(client_->OpenSession(spec), IsOk());
  }
  ASSERT_OK_AND_ASSIGN(SessionInfo session, client_->GetSession("b"));
  EXPECT_EQ(session.session_id, "b");
  std::set<std::string> ids;
  std::string token;
  do {
    ASSERT_OK_AND_ASSIGN(auto page, client_->ListSessions({}, token));
    for (const auto& s : page.sessions) ids.insert(s.session_id);
    token = page.next_page_token;
  } while (!token.empty());
  EXPECT_THAT(ids, ElementsAre("a", "b", "c"));
  ASSERT_OK_AND_ASSIGN(MemoryHandle last, client_->CloseSession("b"));
  EXPECT_EQ(last.session_id, "b");
  EXPECT_THAT(client_->GetSession("b"), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(ClientTest, AnIdInUseIsRefused) {
  SessionSpec spec;
  spec.session_id = "a";
  ASSERT_THAT(client_->OpenSession(spec), IsOk());
  EXPECT_THAT(client_->OpenSession(spec),
              StatusIs(absl::StatusCode::kAlreadyExists));
}

TEST_F(ClientTest, AServerThatIsAwayIsUnavailable) {
  server_.Kill();
  EXPECT_THAT(client_->ListModels(), StatusIs(absl::StatusCode::kUnavailable));
  server_.Restart();
}

TEST(ClientOptionsTest, OptionsThatCannotBeAreRefusedByName) {
  Client::Options options;
  options.server = "";
  EXPECT_THAT(
      Client::Create(options),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("server")));
  options = {};
  options.call_timeout = absl::ZeroDuration();
  EXPECT_THAT(
      Client::Create(options),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("call_timeout")));
  options = {};
  options.transfer_timeout = absl::ZeroDuration();
  EXPECT_THAT(Client::Create(options),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("transfer_timeout")));
}

TEST_F(ClientTest, AStreamNeedsAHandleAndTheSegmentSize) {
  StreamOptions options;
  options.segment_size = 8;
  EXPECT_THAT(client_->Stream(options, nullptr),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at:")));
  options.at = {"s", 0, std::string(32, 'x')};
  options.segment_size = 0;
  EXPECT_THAT(
      client_->Stream(options, nullptr),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("segment_size")));
}

TEST(SessionIdTest, IdsDiffer) {
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) ids.insert(NewSessionId());
  EXPECT_THAT(ids, SizeIs(1000));
}

}  // namespace
}  // namespace mneme::client
