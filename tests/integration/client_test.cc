// The real client against the real server, through the loopback, over RocksDB:
// servers that end and come back, connections that break, replies that were
// not kept. Whatever happens, each step is delivered once, with the oracle's
// state of every token so far (OracleStream checks that).

#include "client/client.h"

#include <memory>
#include <vector>

#include "gmock/gmock.h"
#include "tests/integration/oracle_stream.h"
#include "tests/integration/tcp_proxy.h"
#include "tests/integration/test_server.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::mneme::client::ResultSource;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Ending = TestServer::Ending;

constexpr uint32_t kSegment = 8;
constexpr size_t kLargestWindow = 8;

class ClientServerTest : public ::testing::TestWithParam<size_t> {
 protected:
  ClientServerTest() { TestServer::WriteOracle(folder_, kSegment); }

  static std::unique_ptr<OracleStream> Open(client::Client& client,
                                            const std::string& id,
                                            size_t max_message_tokens,
                                            size_t window) {
    auto options = OracleStream::OpenSession(client, id, kSegment);
    options.max_message_tokens = max_message_tokens;
    options.window = window;
    return std::make_unique<OracleStream>(client, std::move(options));
  }

  // A session for each window, all at once: the server ends again and again
  // while they stream messages of the test's size.
  void StreamThroughRestarts(TestServer& server,
                             const std::vector<Ending>& endings) {
    const auto client = OracleStream::Connect(server.address());
    std::vector<std::unique_ptr<OracleStream>> streams;
    for (size_t window = 1; window <= kLargestWindow; ++window) {
      streams.push_back(Open(*client, "window-" + std::to_string(window),
                             GetParam(), window));
    }
    uint64_t steps = 0;
    uint64_t seed = 0;
    for (const Ending ending : endings) {
      for (auto& stream : streams) stream->Write(OracleTokens(++seed, kRound));
      for (auto& stream : streams) stream->AwaitStep(steps + 1);
      steps += kRound / kSegment;
      server.Restart(ending);
    }
    for (auto& stream : streams) {
      stream->Write(OracleTokens(++seed, kRound));
      stream->Finish();
      EXPECT_THAT(stream->retries(), SizeIs(Ge(endings.size())));
      const v1::Session session = server.Get(stream->durable().session_id);
      EXPECT_EQ(session.head().step(),
                (stream->tokens().size() + kSegment - 1) / kSegment);
      EXPECT_LE(stream->durable().step, session.head().step());
      if (session.durability() == v1::ASYNC) continue;
      EXPECT_EQ(session.head().step(), stream->durable().step);
      EXPECT_EQ(session.head().digest(), stream->durable().digest);
    }
  }

  // Tokens of a session between two restarts: more than a message of the
  // largest size, and a tail.
  static constexpr size_t kRound = 45 * kSegment + 3;

  TestFolder folder_;
};

INSTANTIATE_TEST_SUITE_P(MessageTokens, ClientServerTest,
                         ::testing::Values(1, 7, kSegment, 40 * kSegment));

TEST_P(ClientServerTest, EachStepComesOnceThoughTheServerEndsAndComesBack) {
  TestServer server({folder_.path()});
  StreamThroughRestarts(server,
                        {Ending::kDrained, Ending::kCutOff, Ending::kDrained});
}

TEST_P(ClientServerTest, EachStepComesOnceThoughNoReplyIsKept) {
  Config config;
  config.kept_reply_bytes = 1;
  TestServer server({folder_.path()}, config);
  StreamThroughRestarts(server, {Ending::kCutOff, Ending::kCutOff});
}

// So the streams come back from handles far behind their heads.
TEST_P(ClientServerTest, EachStepComesOnceThoughSegmentsAreWrittenBehind) {
  for (const auto window : {absl::Milliseconds(5), absl::Hours(1)}) {
    Config config;
    config.durability = Durability::kAsync;
    config.async_window = window;
    TestServer server({folder_.path()}, config);
    StreamThroughRestarts(server,
                          {Ending::kCutOff, Ending::kDrained, Ending::kCutOff});
  }
}

TEST_P(ClientServerTest, WhatWasNotKeptIsComputedOnceMore) {
  Config config;
  config.kept_reply_bytes = 1;
  TestServer server({folder_.path()}, config);
  const auto client = OracleStream::Connect(server.address());
  auto options = OracleStream::OpenSession(*client, "s", kSegment);
  options.max_message_tokens = 40 * kSegment;
  const auto tokens = OracleTokens(1, 3 * 40 * kSegment);
  OracleStream first(*client, options);
  first.Write(tokens);
  first.Finish();
  EXPECT_THAT(first.sources(), Each(ResultSource::kComputed));
  options.max_message_tokens = GetParam();
  OracleStream again(*client, options);
  again.Write(tokens);
  again.Finish();
  EXPECT_THAT(again.sources(), SizeIs(3 * 40));
  EXPECT_THAT(again.sources(), Each(ResultSource::kRecomputed));
  EXPECT_EQ(server.Get("s").head().step(), 3 * 40);
}

class TailTest : public ClientServerTest {};

TEST_F(TailTest, TailsThatAServerTookWithItAreSentAgain) {
  TestServer server({folder_.path()});
  const auto client = OracleStream::Connect(server.address());
  const auto stream = Open(*client, "s", /*max_message_tokens=*/3, 2);
  for (const Ending ending : {Ending::kDrained, Ending::kCutOff}) {
    const int replies = stream->replies();
    stream->Write(OracleTokens(1, 3));
    stream->AwaitReplies(replies + 1);
    EXPECT_GT(server.Get("s").tail(), 0u);
    server.Restart(ending);
  }
  stream->AwaitRetries(2);
  stream->Write(OracleTokens(2, 3));
  stream->Finish();
  EXPECT_THAT(stream->sources(),
              ElementsAre(ResultSource::kComputed, ResultSource::kComputed));
  EXPECT_EQ(server.Get("s").head().step(), 2u);
}

// A connection that breaks while the server stays, and with it the tail.
class DisconnectTest : public ::testing::Test {
 protected:
  static constexpr uint32_t kFour = 4;

  DisconnectTest() {
    TestServer::WriteOracle(folder_, kFour);
    server_ =
        std::make_unique<TestServer>(std::vector<std::string>{folder_.path()});
    proxy_ = std::make_unique<TcpProxy>(server_->port());
    client_ = OracleStream::Connect(proxy_->address());
    options_ = OracleStream::OpenSession(*client_, "s", kFour);
    options_.max_message_tokens = 100;
  }

  // One segment, and 3 of the next one's 4 tokens, accepted.
  void StreamIntoTheSecondSegment(OracleStream& stream) {
    stream.Write(OracleTokens(1, kFour + 3));
    stream.AwaitReplies(1);
    EXPECT_EQ(server_->Get("s").head().step(), 1u);
    EXPECT_EQ(server_->Get("s").tail(), 3u);
  }

  TestFolder folder_;
  std::unique_ptr<TestServer> server_;
  std::unique_ptr<TcpProxy> proxy_;
  std::unique_ptr<client::Client> client_;
  client::StreamOptions options_;
};

TEST_F(DisconnectTest, AStreamGoesOnFromTheMiddleOfASegment) {
  OracleStream stream(*client_, options_);
  StreamIntoTheSecondSegment(stream);
  proxy_->Cut();
  stream.AwaitRetries(1);
  stream.Write(OracleTokens(2, 2 * kFour));
  stream.Finish();
  EXPECT_EQ(server_->Get("s").head().step(), 4u);
}

TEST_F(DisconnectTest, AConnectionThatGoesSilentIsReplaced) {
  client::Client::Options quick;
  quick.server = proxy_->address();
  quick.keepalive = absl::Milliseconds(100);
  quick.keepalive_timeout = absl::Milliseconds(100);
  ASSERT_OK_AND_ASSIGN(const auto client, client::Client::Create(quick));
  OracleStream stream(*client, options_);
  StreamIntoTheSecondSegment(stream);
  EXPECT_THAT(stream.retries(), IsEmpty());
  proxy_->Silence();
  stream.AwaitRetries(1);
  stream.Write(OracleTokens(2, 2 * kFour));
  stream.Finish();
  EXPECT_EQ(server_->Get("s").head().step(), 4u);
}

TEST_F(DisconnectTest, AnotherClientGoesOnFromTheLastHandle) {
  client::MemoryHandle last;
  std::vector<int32_t> tokens;
  {
    auto options = options_;
    options.retry.retry_for = absl::ZeroDuration();
    OracleStream stream(*client_, options);
    StreamIntoTheSecondSegment(stream);
    proxy_->Cut();
    EXPECT_THAT(stream.Wait(), StatusIs(absl::StatusCode::kUnavailable));
    last = stream.durable();
    tokens = stream.tokens();
  }
  client_ = nullptr;
  server_->AwaitMetric("mneme_streams", 0);
  EXPECT_EQ(last.step, 1u);
  const std::vector<int32_t> rest(tokens.begin() + kFour, tokens.end());
  tokens.resize(kFour);
  const auto client = OracleStream::Connect(server_->address());
  options_.at = last;
  OracleStream stream(*client, options_, tokens);
  stream.Write(rest);
  stream.Write(OracleTokens(2, 2 * kFour));
  stream.Finish();
  EXPECT_THAT(stream.retries(), IsEmpty());
  EXPECT_EQ(server_->Get("s").head().step(), 4u);
}

}  // namespace
}  // namespace mneme
