#ifndef MNEME_TESTS_INTEGRATION_ENVOY_FIXTURE_H_
#define MNEME_TESTS_INTEGRATION_ENVOY_FIXTURE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/crash/server_process.h"
#include "tests/integration/oracle_stream.h"
#include "tests/parity/test_folder.h"

namespace mneme {

// Several mnemed that serve the oracle from one store, and streams of its
// sessions.
class EnvoyTest : public ::testing::Test {
 protected:
  static constexpr uint32_t kSegment = 8;
  using Stream = std::unique_ptr<OracleStream>;

  EnvoyTest();

  void StartServer(const std::string& store,
                   const std::vector<std::string>& flags = {});
  std::vector<std::string> Addresses() const;
  // Of one server; -1: it does not say.
  double Metric(size_t server, const std::string& name) const;
  double OpenStreams() const;  // of all servers

  // A stream of a new session with the next number, through `client`.
  void OpenStream(client::Client& client);
  // The session goes on in a new stream, through `client`. REQUIRES: the old
  // one is finished.
  void Continue(Stream& stream, client::Client& client) const;
  // `segments` more for each. REQUIRES: not finished.
  void WriteAll(size_t segments);
  // All end as they should: see OracleStream.
  void FinishAll();
  // How often they tried again; each time for a reason that passes.
  size_t CountRetries() const;

  const TestFolder model_;
  std::vector<std::unique_ptr<ServerProcess>> servers_;
  std::vector<Stream> streams_;
  size_t written_ = 0;  // segments, to each
  uint64_t seed_ = 0;
};

}  // namespace mneme

#endif  // MNEME_TESTS_INTEGRATION_ENVOY_FIXTURE_H_
