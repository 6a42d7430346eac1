#include "tests/integration/envoy_fixture.h"

#include "absl/strings/str_cat.h"
#include "client/error.h"
#include "tests/integration/envoy_process.h"

namespace mneme {
namespace {

bool Passes(const absl::Status& error) {
  return absl::IsUnavailable(error) || absl::IsAborted(error) ||
         (absl::IsInternal(error) && client::DetailsOf(error).reason.empty());
}

}  // namespace

EnvoyTest::EnvoyTest() {
  model_.WriteConfig({{"architecture", "oracle"},
                      {"name", "oracle"},
                      {"segment_size", kSegment},
                      {"vocab_size", 1000}});
}

void EnvoyTest::StartServer(const std::string& store,
                            const std::vector<std::string>& flags) {
  std::vector<std::string> all = {"--model", model_.path(), "--store",
                                  store,     "--log-level", "error"};
  all.insert(all.end(), flags.begin(), flags.end());
  servers_.push_back(std::make_unique<ServerProcess>(MNEME_MNEMED, all));
}

std::vector<std::string> EnvoyTest::Addresses() const {
  std::vector<std::string> addresses;
  for (const auto& server : servers_) addresses.push_back(server->address());
  return addresses;
}

double EnvoyTest::Metric(size_t server, const std::string& name) const {
  return HttpNumber(servers_[server]->metrics(), "/metrics", name + " ");
}

double EnvoyTest::OpenStreams() const {
  double streams = 0;
  for (size_t i = 0; i < servers_.size(); ++i) {
    streams += Metric(i, "mneme_streams");
  }
  return streams;
}

void EnvoyTest::OpenStream(client::Client& client) {
  auto options = OracleStream::OpenSession(
      client, absl::StrCat("session-", streams_.size()), kSegment);
  streams_.push_back(
      std::make_unique<OracleStream>(client, std::move(options)));
}

void EnvoyTest::Continue(Stream& stream, client::Client& client) const {
  client::StreamOptions options = OracleStream::Options(kSegment);
  options.at = stream->durable();
  stream = std::make_unique<OracleStream>(client, std::move(options),
                                          stream->tokens());
}

void EnvoyTest::WriteAll(size_t segments) {
  written_ += segments;
  for (const Stream& stream : streams_) {
    stream->Write(OracleTokens(++seed_, segments * kSegment));
  }
}

void EnvoyTest::FinishAll() {
  for (const Stream& stream : streams_) stream->Finish();
}

size_t EnvoyTest::CountRetries() const {
  size_t retries = 0;
  for (const Stream& stream : streams_) {
    for (const absl::Status& error : stream->retries()) {
      EXPECT_TRUE(Passes(error)) << error;
      ++retries;
    }
  }
  return retries;
}

}  // namespace mneme
