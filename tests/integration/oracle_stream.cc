#include "tests/integration/oracle_stream.h"

#include <cstring>
#include <random>
#include <utility>

#include "gtest/gtest.h"
#include "model/memory/oracle.h"

namespace mneme {
namespace {

// More than any test writes: Write() never waits.
constexpr size_t kBufferTokens = 1 << 20;

int64_t LastState(const client::SegmentResult& segment) {
  const client::OutputTensor* states = segment.Find("state");
  int64_t state = 0;
  if (states == nullptr || states->data.size() < sizeof state) return state;
  std::memcpy(&state, states->data.data() + states->data.size() - sizeof state,
              sizeof state);
  return state;
}

}  // namespace

std::vector<int32_t> OracleTokens(uint64_t seed, size_t count) {
  std::mt19937_64 random(seed);
  std::vector<int32_t> tokens(count);
  for (int32_t& token : tokens) token = static_cast<int32_t>(random() % 1000);
  return tokens;
}

std::unique_ptr<client::Client> OracleStream::Connect(
    const std::string& address) {
  client::Client::Options options;
  options.server = address;
  auto client = client::Client::Create(options);
  EXPECT_TRUE(client.ok()) << client.status();
  return client.ok() ? *std::move(client) : nullptr;
}

client::StreamOptions OracleStream::Options(uint32_t segment) {
  client::StreamOptions options;
  options.segment_size = segment;
  options.outputs.names = {"state"};
  options.buffer_tokens = kBufferTokens;
  options.retry.initial_backoff = absl::Milliseconds(10);
  options.retry.max_backoff = absl::Milliseconds(100);
  options.retry.retry_for = absl::Minutes(2);
  return options;
}

client::StreamOptions OracleStream::OpenSession(client::Client& client,
                                                const std::string& id,
                                                uint32_t segment) {
  client::SessionSpec spec;
  spec.session_id = id;
  const auto session = client.OpenSession(spec);
  EXPECT_TRUE(session.ok()) << session.status();
  client::StreamOptions options = Options(segment);
  if (session.ok()) options.at = session->head.handle;
  return options;
}

OracleStream::OracleStream(client::Client& client,
                           client::StreamOptions options,
                           std::vector<int32_t> before)
    : id_(options.at.session_id),
      tokens_(std::move(before)),
      answered_(tokens_.size()),
      state_(OracleState(tokens_)),
      step_(options.at.step) {
  auto stream = client.Stream(std::move(options), this);
  EXPECT_TRUE(stream.ok()) << stream.status();
  if (stream.ok()) stream_ = *std::move(stream);
}

void OracleStream::Write(const std::vector<int32_t>& tokens) {
  {
    MutexLock lock(&mu_);
    tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
  }
  const absl::Status status = stream_->Write(tokens);
  EXPECT_TRUE(status.ok()) << id_ << ": " << status;
}

void OracleStream::Finish() {
  stream_->Flush().IgnoreError();
  stream_->Finish().IgnoreError();
  const absl::Status status = stream_->Wait();
  EXPECT_TRUE(status.ok()) << id_ << ": " << status;
  MutexLock lock(&mu_);
  EXPECT_EQ(answered_, tokens_.size()) << id_;
  EXPECT_EQ(done_, 1) << id_;
  EXPECT_EQ(stream_->head().step, step_) << id_;
}

void OracleStream::AwaitStep(uint64_t step) {
  MutexLock lock(&mu_);
  while (step_ < step && done_ == 0) lock.Wait(changed_);
}

void OracleStream::AwaitReplies(int count) {
  MutexLock lock(&mu_);
  while (replies_ < count && done_ == 0) lock.Wait(changed_);
}

void OracleStream::AwaitRetries(size_t count) {
  MutexLock lock(&mu_);
  while (retries_.size() < count && done_ == 0) lock.Wait(changed_);
}

int OracleStream::replies() const {
  MutexLock lock(&mu_);
  return replies_;
}

std::vector<int32_t> OracleStream::tokens() const {
  MutexLock lock(&mu_);
  return tokens_;
}

std::vector<absl::Status> OracleStream::retries() const {
  MutexLock lock(&mu_);
  return retries_;
}

std::vector<client::ResultSource> OracleStream::sources() const {
  MutexLock lock(&mu_);
  return sources_;
}

void OracleStream::OnSegment(const client::SegmentResult& segment) {
  MutexLock lock(&mu_);
  EXPECT_EQ(segment.handle.step, ++step_) << id_;
  EXPECT_EQ(segment.handle.session_id, id_);
  const size_t before =
      std::exchange(answered_, answered_ + segment.num_tokens);
  ASSERT_LE(answered_, tokens_.size()) << id_;
  state_ = OracleState(
      state_, static_cast<int64_t>(before),
      absl::MakeConstSpan(tokens_).subspan(before, segment.num_tokens));
  EXPECT_EQ(LastState(segment), state_) << id_ << " at step " << step_;
  sources_.push_back(segment.source);
  changed_.notify_all();
}

void OracleStream::OnRoom() {
  MutexLock lock(&mu_);
  ++replies_;
  changed_.notify_all();
}

void OracleStream::OnRetry(const absl::Status& error,
                           const client::MemoryHandle& /*from*/,
                           absl::Duration /*delay*/) {
  MutexLock lock(&mu_);
  retries_.push_back(error);
  changed_.notify_all();
}

void OracleStream::OnDone(const absl::Status& /*status*/) {
  MutexLock lock(&mu_);
  ++done_;
  changed_.notify_all();
}

}  // namespace mneme
