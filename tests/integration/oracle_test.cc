// The oracle's answers depend on every token so far and on its place: a lost,
// doubled, reordered or leaked segment shows in every answer after it.

#include "model/memory/oracle.h"

#include <cstring>
#include <random>
#include <thread>

#include "gmock/gmock.h"
#include "tests/integration/test_server.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

constexpr int64_t kSegment = 8;

std::vector<int64_t> States(const v1::Tensor& tensor) {
  std::vector<int64_t> states(tensor.data().size() / sizeof(int64_t));
  std::memcpy(states.data(), tensor.data().data(), tensor.data().size());
  return states;
}

// One session's client: seeded tokens in messages of seeded sizes, and what
// every answer must be.
class OracleClient {
 public:
  OracleClient(TestServer* server, std::string id, uint64_t seed)
      : server_(server), id_(std::move(id)), random_(seed) {}

  void Open() { next_ = PositionOf(server_->Open(id_, "oracle")); }

  // Sends one message, and now and then the last one again.
  void SendOne() {
    std::vector<int32_t> tokens;
    const auto size = random_() % (3 * kSegment);
    for (uint64_t i = 0; i < size; ++i) {
      tokens.push_back(static_cast<int32_t>(random_() % 1000));
    }
    const v1::SegmentRequest request = RequestAt(id_, next_, tokens, {"state"});
    const v1::SegmentReply reply = server_->Process(request);
    sent_.insert(sent_.end(), tokens.begin(), tokens.end());
    Check(reply);
    if (next_.tail() == 0 && random_() % 4 == 0) {
      const v1::SegmentReply again = server_->Process(request);
      ASSERT_EQ(again.segments_size(), reply.segments_size());
      for (int i = 0; i < again.segments_size(); ++i) {
        EXPECT_EQ(again.segments(i).result().SerializeAsString(),
                  reply.segments(i).result().SerializeAsString());
        EXPECT_EQ(again.segments(i).source(), v1::AppliedSegment::KEPT);
      }
    }
    next_ = reply.next();
  }

  // After a restart: what is not durable is sent again.
  void Resume() {
    const v1::Session session = server_->Get(id_);
    EXPECT_EQ(session.head().SerializeAsString(),
              next_.handle().SerializeAsString());
    EXPECT_EQ(session.tail(), 0u);
    const auto applied = sent_.size() - next_.tail();
    const std::vector<int32_t> tail(
        sent_.begin() + static_cast<ptrdiff_t>(applied), sent_.end());
    next_.set_tail(0);
    next_ = server_->Process(RequestAt(id_, next_, tail, {})).next();
  }

  const std::string& id() const { return id_; }
  const v1::Position& next() const { return next_; }

 private:
  void Check(const v1::SegmentReply& reply) {
    for (const v1::AppliedSegment& segment : reply.segments()) {
      const auto end = ++segments_ * kSegment;
      const auto upto =
          absl::MakeConstSpan(sent_).subspan(0, static_cast<size_t>(end));
      EXPECT_EQ(States(segment.result().outputs(0)).back(), OracleState(upto))
          << id_ << " at segment " << segments_;
      EXPECT_EQ(segment.result().handle().step(),
                static_cast<uint64_t>(segments_));
    }
  }

  TestServer* const server_;
  const std::string id_;
  std::mt19937_64 random_;
  std::vector<int32_t> sent_;
  v1::Position next_;
  int64_t segments_ = 0;
};

class OracleServerTest : public ::testing::Test {
 protected:
  OracleServerTest() { TestServer::WriteOracle(folder_, kSegment); }

  TestFolder folder_;
};

TEST_F(OracleServerTest, ManySessionsAtOnceKeepTheirStreamsApart) {
  TestServer server({folder_.path()});
  std::vector<std::unique_ptr<OracleClient>> clients;
  for (uint64_t i = 0; i < 48; ++i) {
    clients.push_back(std::make_unique<OracleClient>(
        &server, "session-" + std::to_string(i), i));
  }
  std::vector<std::thread> threads;
  for (auto& client : clients) {
    threads.emplace_back([&client] {
      client->Open();
      for (int i = 0; i < 40; ++i) client->SendOne();
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::printf("mean batch: %.1f of 48\n", server.MeanBatch());
}

// What waits while a batch runs makes the next one, all of it.
TEST_F(OracleServerTest, ManySessionsAtOnceRunInLargeBatches) {
  constexpr size_t kSessions = 48;
  TestServer server({folder_.path()}, {}, {.held = true});
  std::vector<std::vector<int32_t>> sent(kSessions);
  std::vector<v1::Position> next(kSessions);
  for (size_t i = 0; i < kSessions; ++i) {
    next[i] = PositionOf(server.Open("s-" + std::to_string(i)));
  }
  for (int round = 0; round < 5; ++round) {
    server.held().Hold();
    std::vector<std::thread> threads;
    for (size_t i = 0; i < kSessions; ++i) {
      threads.emplace_back([&, i] {
        const std::vector<int32_t> tokens(kSegment, static_cast<int32_t>(i));
        const v1::SegmentReply reply = server.Process(
            RequestAt("s-" + std::to_string(i), next[i], tokens, {"state"}));
        sent[i].insert(sent[i].end(), tokens.begin(), tokens.end());
        EXPECT_EQ(States(reply.segments(0).result().outputs(0)).back(),
                  OracleState(sent[i]));
        next[i] = reply.next();
      });
    }
    const size_t held = server.held().AwaitHeld();
    server.AwaitMetric("mneme_waiting_segments",
                       static_cast<double>(kSessions - held));
    server.held().Release();
    for (std::thread& thread : threads) thread.join();
  }
  // Two batches a round: what came first, and the rest.
  EXPECT_GE(server.MeanBatch(), kSessions / 2);
}

TEST_F(OracleServerTest, ARestartLosesNoAcknowledgedSegment) {
  TestServer server({folder_.path()});
  std::vector<std::unique_ptr<OracleClient>> clients;
  for (uint64_t i = 0; i < 8; ++i) {
    clients.push_back(std::make_unique<OracleClient>(
        &server, "session-" + std::to_string(i), 100 + i));
    clients.back()->Open();
  }
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 10; ++i) {
      for (auto& client : clients) client->SendOne();
    }
    server.Restart();
    for (auto& client : clients) client->Resume();
  }
  for (auto& client : clients) client->SendOne();
}

TEST_F(OracleServerTest, ExtraInputsShapeOutputsOnly) {
  TestServer server({folder_.path()});
  const std::vector<int32_t> tokens = {1, 2, 3, 4, 5, 6, 7, 8};
  v1::SegmentRequest request =
      RequestAt("a", PositionOf(server.Open("a")), tokens, {"decoded"});
  v1::NamedTokens* decoder = request.add_extra_inputs();
  decoder->set_name("decoder_tokens");
  decoder->add_ids(7);
  const v1::SegmentReply with = server.Process(request);
  EXPECT_EQ(States(with.segments(0).result().outputs(0)),
            OracleDecode(OracleState(tokens), {7}));
  const v1::SegmentReply without =
      server.Process(RequestAt("b", PositionOf(server.Open("b")), tokens, {}));
  EXPECT_EQ(with.head().digest(), without.head().digest());
}

}  // namespace
}  // namespace mneme
