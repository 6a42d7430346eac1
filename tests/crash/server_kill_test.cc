// A real mnemed is killed while sessions stream: after each restart every
// acknowledged segment is there, nothing is torn, and clients that resend from
// their last handle get the oracle's answers to the end.

#include <grpcpp/grpcpp.h>

#include <cstring>
#include <memory>
#include <random>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mneme/v1/segments.grpc.pb.h"
#include "mneme/v1/sessions.grpc.pb.h"
#include "model/memory/oracle.h"
#include "server/base/mutex.h"
#include "tests/crash/server_process.h"
#include "tests/parity/test_folder.h"

namespace mneme {
namespace {

constexpr size_t kSegment = 8;
constexpr int kKills = 15;
constexpr int kSessions = 6;

std::shared_ptr<grpc::Channel> Connect(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(),
                                   arguments);
}

// Where the server is now. A client whose call failed waits here for the next.
class Rendezvous {
 public:
  void Announce(const std::string& address) {
    MutexLock lock(&mu_);
    channel_ = Connect(address);
    ++generation_;
    changed_.notify_all();
  }

  std::shared_ptr<grpc::Channel> After(int seen, int* generation) {
    MutexLock lock(&mu_);
    while (generation_ <= seen) lock.Wait(changed_);
    *generation = generation_;
    return channel_;
  }

  // One more answer; the killer waits for a number of them.
  void Answered() {
    MutexLock lock(&mu_);
    ++answers_;
    changed_.notify_all();
  }

  void AwaitAnswers(int64_t more) {
    MutexLock lock(&mu_);
    const int64_t target = answers_ + more;
    while (answers_ < target && !stopped_) lock.Wait(changed_);
  }

  void Stop() {
    MutexLock lock(&mu_);
    stopped_ = true;
    changed_.notify_all();
  }
  bool stopped() {
    MutexLock lock(&mu_);
    return stopped_;
  }

 private:
  Mutex mu_;
  std::condition_variable changed_;
  std::shared_ptr<grpc::Channel> channel_ ABSL_GUARDED_BY(mu_);
  int generation_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t answers_ ABSL_GUARDED_BY(mu_) = 0;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
};

// Streams seeded tokens through whatever server there is.
class Streamer {
 public:
  Streamer(Rendezvous* rendezvous, int number, v1::Durability durability)
      : rendezvous_(rendezvous),
        durability_(durability),
        id_("session-" + std::to_string(number)),
        random_(static_cast<uint64_t>(number)) {}

  void Run() {
    while (!rendezvous_->stopped() && !::testing::Test::HasFailure()) {
      opened_ ? SendOne() : Reconnect();
    }
    rendezvous_->Stop();
  }

  uint64_t steps() const { return answered_.handle().step(); }
  int retries() const { return retries_; }

 private:
  void Reconnect() {
    channel_ = rendezvous_->After(generation_, &generation_);
    segments_ = v1::Segments::NewStub(channel_);
    const auto sessions = v1::Sessions::NewStub(channel_);
    v1::OpenSessionRequest open;
    open.set_session_id(id_);
    open.set_durability(durability_);
    v1::Session session;
    grpc::ClientContext context;
    grpc::Status status = sessions->Open(&context, open, &session);
    if (status.error_code() == grpc::ALREADY_EXISTS) {
      v1::GetSessionRequest get;
      get.set_session_id(id_);
      grpc::ClientContext get_context;
      status = sessions->Get(&get_context, get, &session);
    }
    if (!status.ok()) return;  // killed again: the next send finds out
    if (!opened_) *answered_.mutable_handle() = session.head();
    opened_ = true;
    EXPECT_EQ(session.durability(), durability_);
    EXPECT_GE(session.head().step(), answered_.handle().step())
        << id_ << " lost an acknowledged segment";
  }

  void SendOne() {
    if (unsent_.empty()) {
      // Now and then more segments than the server retains values.
      const uint64_t most = random_() % 8 == 0 ? 40 * kSegment : 3 * kSegment;
      for (uint64_t i = 1 + random_() % most; i > 0; --i) {
        unsent_.push_back(static_cast<int32_t>(random_() % 1000));
      }
    }
    v1::SegmentRequest request;
    request.set_session_id(id_);
    *request.mutable_at() = answered_;
    std::vector<int32_t> tokens = kept_;
    tokens.insert(tokens.end(), unsent_.begin(), unsent_.end());
    request.mutable_tokens()->mutable_ids()->Assign(tokens.begin(),
                                                    tokens.end());
    request.mutable_outputs()->add_names("state");
    v1::SegmentReply reply;
    grpc::ClientContext context;
    const grpc::Status status = segments_->Process(&context, request, &reply);
    if (!status.ok()) {
      EXPECT_EQ(status.error_code(), grpc::UNAVAILABLE)
          << status.error_message();
      ++retries_;
      return Reconnect();
    }
    rendezvous_->Answered();
    Take(reply, tokens);
  }

  // Checks the answers; keeps the tokens after the last handle. (Of an async
  // session it may be ahead of the durable one: it is lost with the machine,
  // not with the process.)
  void Take(const v1::SegmentReply& reply, const std::vector<int32_t>& tokens) {
    unsent_.clear();
    size_t taken = 0;
    for (const v1::AppliedSegment& segment : reply.segments()) {
      taken += segment.result().num_tokens();
      applied_.insert(
          applied_.end(),
          tokens.begin() +
              static_cast<ptrdiff_t>(taken - segment.result().num_tokens()),
          tokens.begin() + static_cast<ptrdiff_t>(taken));
      const std::string& data = segment.result().outputs(0).data();
      int64_t state = 0;
      ASSERT_GE(data.size(), sizeof state);
      std::memcpy(&state, data.data() + data.size() - sizeof state,
                  sizeof state);
      ASSERT_EQ(state, OracleState(applied_)) << id_;
    }
    kept_.assign(tokens.begin() + static_cast<ptrdiff_t>(taken), tokens.end());
    *answered_.mutable_handle() = reply.next().handle();
    EXPECT_EQ(steps() * kSegment, applied_.size());
    EXPECT_LE(reply.durable().step(), steps());
    if (durability_ == v1::SYNC) EXPECT_EQ(reply.durable().step(), steps());
  }

  Rendezvous* const rendezvous_;
  const v1::Durability durability_;
  const std::string id_;
  std::mt19937_64 random_;
  int generation_ = 0;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Segments::Stub> segments_;
  bool opened_ = false;
  int retries_ = 0;
  v1::Position answered_;         // tail 0: kept_ is sent again each time
  std::vector<int32_t> applied_;  // in that handle
  std::vector<int32_t> kept_;     // accepted after it
  std::vector<int32_t> unsent_;   // of the message that is being sent
};

void KillOften(v1::Durability durability) {
  const TestFolder model;
  model.WriteConfig({{"architecture", "oracle"},
                     {"name", "oracle"},
                     {"segment_size", kSegment},
                     {"vocab_size", 1000}});
  const TestFolder store;
  const std::vector<std::string> flags = {
      "--model",     model.path(), "--store", "rocksdb:" + store.File("db"),
      "--log-level", "error"};
  Rendezvous rendezvous;
  auto server = std::make_unique<ServerProcess>(MNEME_MNEMED, flags);
  if (::testing::Test::HasFatalFailure()) return;
  rendezvous.Announce(server->address());
  std::vector<Streamer> streamers;
  for (int i = 0; i < kSessions; ++i) {
    streamers.emplace_back(&rendezvous, i, durability);
  }
  std::vector<std::thread> threads;
  for (Streamer& streamer : streamers) {
    threads.emplace_back([&streamer] { streamer.Run(); });
  }
  std::mt19937 random(1);
  for (int i = 0; i < kKills; ++i) {
    rendezvous.AwaitAnswers(1 + random() % 60);
    server->Kill();
    server = std::make_unique<ServerProcess>(MNEME_MNEMED, flags);
    if (::testing::Test::HasFatalFailure()) break;
    rendezvous.Announce(server->address());
  }
  rendezvous.AwaitAnswers(50);
  rendezvous.Stop();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(server->Terminate(), 0);
  int retries = 0;
  for (const Streamer& streamer : streamers) {
    EXPECT_GT(streamer.steps(), 0u);
    retries += streamer.retries();
  }
  std::printf("%d kills, %d calls cut off\n", kKills, retries);
  EXPECT_GE(retries, kKills);
}

TEST(ServerKillTest, AKilledServerLosesNoAcknowledgedSegment) {
  KillOften(v1::SYNC);
}

// They are in the operating system's hands, which goes on.
TEST(ServerKillTest, NorOneOfAnAsyncSession) { KillOften(v1::ASYNC); }

}  // namespace
}  // namespace mneme
