#ifndef MNEME_TESTS_CLIENT_CLI_CLI_FIXTURE_H_
#define MNEME_TESTS_CLIENT_CLI_CLI_FIXTURE_H_

#include <atomic>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "client/cli/cli.h"
#include "gtest/gtest.h"
#include "tests/client/fake_server.h"
#include "tests/testing/temp_folder.h"

namespace mneme::cli {

// 43 bytes: five segments of 8 and a short one.
inline constexpr char kText[] = "The quick brown fox jumps over the lazy dog";

// Runs `mneme` in this process, against a FakeServer.
class CliTest : public ::testing::Test {
 protected:
  void StartServer(testing::FakeServer::Options options = {}) {
    server_ = std::make_unique<testing::FakeServer>(options);
  }
  int Run(std::vector<std::string> arguments) {
    out_.str("");
    err_.str("");
    if (server_ != nullptr) {
      arguments.insert(arguments.end(), {"--server", server_->address()});
    }
    Environment environment{out_, err_};
    environment.interrupted = &interrupted_;
    return RunCli(arguments, environment);
  }
  // Leaves session p-0 open, six segments on; what it retains, by step.
  std::vector<std::string> OpenP() {
    EXPECT_EQ(Run({"stream", folder_.Write("text", kText), "--session", "p",
                   "--keep"}),
              0)
        << err_.str();
    EXPECT_EQ(Run({"inspect", "p-0", "--json"}), 0) << err_.str();
    return Json()["retained"].get<std::vector<std::string>>();
  }
  // The output's lines.
  std::vector<std::string> Lines() const {
    return absl::StrSplit(out_.str(), '\n', absl::SkipEmpty());
  }
  // The object on the output's last line.
  nlohmann::json Json() {
    std::vector<std::string> lines = Lines();
    return lines.empty() ? nlohmann::json()
                         : nlohmann::json::parse(lines.back());
  }

  TempFolder folder_;
  std::unique_ptr<testing::FakeServer> server_;
  std::ostringstream out_;
  std::ostringstream err_;
  std::atomic<bool> interrupted_{false};
};

// The same with OpenP()'s session there from the start.
class OneSessionTest : public CliTest {
 protected:
  void SetUp() override {
    StartServer();
    retained_ = OpenP();
    ASSERT_EQ(retained_.size(), 7u);
  }

  std::vector<std::string> retained_;
};

}  // namespace mneme::cli

#endif  // MNEME_TESTS_CLIENT_CLI_CLI_FIXTURE_H_
