// A real mnemed is killed while the real client's streams run, and comes back
// at the same address: each goes on by itself, and each step is delivered once.

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/crash/server_process.h"
#include "tests/crash/settings.h"
#include "tests/integration/oracle_stream.h"
#include "tests/parity/test_folder.h"
#include "tests/testing/free_port.h"

namespace mneme {
namespace {

using ::testing::Ge;
using ::testing::SizeIs;

constexpr uint32_t kSegment = 8;

// The parameter is the sessions' durability.
class ClientKillTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    model_.WriteConfig({{"architecture", "oracle"},
                        {"name", "oracle"},
                        {"segment_size", kSegment},
                        {"vocab_size", 1000}});
    StartServer();
    if (HasFatalFailure()) return;
    client_ = OracleStream::Connect(server_->address());
    for (const size_t message : {1u, 3u, kSegment, 11u, 40 * kSegment}) {
      OpenStream(message, /*window=*/2);
      OpenStream(message, /*window=*/8);
    }
  }

  std::vector<std::string> Flags() const {
    return {"--model",      model_.path(),
            "--store",      "rocksdb:" + store_.File("db"),
            "--log-level",  "error",
            "--durability", GetParam()};
  }

  void OpenStream(size_t max_message_tokens, size_t window) {
    auto options = OracleStream::OpenSession(
        *client_, "session-" + std::to_string(streams_.size()), kSegment);
    options.max_message_tokens = max_message_tokens;
    options.window = window;
    streams_.push_back(
        std::make_unique<OracleStream>(*client_, std::move(options)));
  }

  void KillAndRestart() {
    server_->Kill();
    StartServer();
  }

  void StartServer() {
    server_ = std::make_unique<ServerProcess>(MNEME_MNEMED, Flags(), address_);
  }

  const TestFolder model_;
  const TestFolder store_;
  const std::string address_ = "127.0.0.1:" + std::to_string(FreePort());
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<client::Client> client_;
  std::vector<std::unique_ptr<OracleStream>> streams_;
};

INSTANTIATE_TEST_SUITE_P(Durability, ClientKillTest,
                         ::testing::Values("sync", "async"));

TEST_P(ClientKillTest, EachStepComesOnceHoweverOftenTheServerIsKilled) {
  const int kills = CrashKills(48) / 6;
  std::mt19937_64 random(CrashSeed());
  uint64_t seed = CrashSeed();
  for (int kill = 0; kill < kills; ++kill) {
    // Each stream is somewhere else in what it was given when the kill comes.
    for (auto& stream : streams_) {
      const uint64_t steps = stream->tokens().size() / kSegment;
      stream->Write(OracleTokens(++seed, 45 * kSegment + 3));
      if (random() % 2 == 0) stream->AwaitStep(steps + random() % 20);
    }
    KillAndRestart();
    if (HasFatalFailure()) return;
  }
  size_t retries = 0;
  for (auto& stream : streams_) {
    stream->Write(OracleTokens(++seed, kSegment + 3));
    stream->Finish();
    EXPECT_THAT(stream->retries(), SizeIs(Ge(1u)));
    retries += stream->retries().size();
  }
  std::printf("%d kills, %zu calls of streams cut off\n", kills, retries);
  EXPECT_EQ(server_->Terminate(), 0);
}

}  // namespace
}  // namespace mneme
