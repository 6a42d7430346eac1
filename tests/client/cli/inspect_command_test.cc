#include "client/cli/inspect_command.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/cli_fixture.h"

namespace mneme::cli {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class InspectCommandTest : public OneSessionTest {
 protected:
  // Exports the head of p-0 to s.safetensors; its path.
  std::string Exported() {
    std::string path = folder_.File("s.safetensors");
    EXPECT_EQ(Run({"export", "p-0", path}), 0) << err_.str();
    return path;
  }
};

TEST_F(InspectCommandTest, ASessionIsShownWithAllThatItRetains) {
  ASSERT_EQ(Run({"pin", retained_[2]}), 0) << err_.str();
  EXPECT_EQ(Run({"inspect", "p-0"}), 0) << err_.str();
  for (const std::string& handle : retained_) {
    EXPECT_THAT(out_.str(), HasSubstr(handle));
  }
  EXPECT_THAT(out_.str(), HasSubstr(retained_[2] + "  pinned\n"));
  EXPECT_THAT(out_.str(), HasSubstr(retained_[6] + "  durable, head\n"));
  EXPECT_THAT(out_.str(), ContainsRegex("retained +7 values, 1 pinned\n"));
}

TEST_F(InspectCommandTest, JsonIsTheObjectOfSessions) {
  ASSERT_EQ(Run({"sessions", "--json"}), 0) << err_.str();
  const auto listed = Json();
  EXPECT_EQ(Run({"inspect", "p-0", "--json"}), 0) << err_.str();
  EXPECT_EQ(Json(), listed);
  EXPECT_EQ(Json()["session"], "p-0");
  EXPECT_EQ(Json()["fingerprint"], "66696e6765727072696e74");
}

TEST_F(InspectCommandTest, ASessionThatIsNotThereIsAnError) {
  EXPECT_EQ(Run({"inspect", "none"}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("NOT_FOUND"));
  EXPECT_THAT(out_.str(), IsEmpty());
}

TEST_F(InspectCommandTest, AnExportedFileIsShownWithoutAServer) {
  const std::string path = Exported();
  server_->Kill();
  EXPECT_EQ(Run({"inspect", path}), 0) << err_.str();
  EXPECT_THAT(out_.str(),
              AllOf(HasSubstr(retained_[6]), ContainsRegex("model +fake\n"),
                    ContainsRegex("checksum +holds\n"),
                    ContainsRegex("memory +U8 +\\[43\\] +43 B\n")));
  EXPECT_EQ(Run({"inspect", path, "--json"}), 0) << err_.str();
  EXPECT_EQ(Json()["handle"], retained_[6]);
  EXPECT_EQ(Json()["numeric_mode"], "exact");
  EXPECT_EQ(Json()["memory_policy"], "carry");
  EXPECT_EQ(Json()["checksum_holds"], true);
  EXPECT_EQ(Json()["signed"], false);
  EXPECT_EQ(Json()["tensors"][0]["shape"], nlohmann::json({43}));
  server_->Restart();
}

TEST_F(InspectCommandTest, AChangedFileIsShownAndIsAnError) {
  std::string bytes = TempFolder::ReadFile(Exported());
  bytes.back() = 'x';
  // A name without the ending is a file if it has a slash.
  const std::string changed = folder_.Write("changed", bytes);
  EXPECT_EQ(Run({"inspect", changed}), 1);
  EXPECT_THAT(out_.str(), AllOf(HasSubstr(retained_[6]),
                                ContainsRegex("checksum +DOES NOT HOLD")));
  EXPECT_THAT(err_.str(),
              AllOf(HasSubstr(changed), HasSubstr("sha256 does not hold"),
                    HasSubstr("DATA_LOSS")));
  EXPECT_EQ(Run({"inspect", changed, "--json"}), 1);
  EXPECT_EQ(Json()["checksum_holds"], false);
}

TEST_F(InspectCommandTest, WhatIsNoExportedFileIsAnErrorAlone) {
  const std::string whole = TempFolder::ReadFile(Exported());
  folder_.Write("cut", whole.substr(0, whole.size() - 1));
  EXPECT_EQ(Run({"inspect", folder_.File("cut")}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("DATA_LOSS"));
  EXPECT_EQ(Run({"inspect", folder_.File("text")}), 1);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr(folder_.File("text")),
                                HasSubstr("expected a safetensors file")));
  EXPECT_EQ(Run({"inspect", "model/zoo/wiki-rmt/model.safetensors"}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("no session file"));
  EXPECT_EQ(Run({"inspect", "none.safetensors"}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("none.safetensors: cannot be read"));
  EXPECT_EQ(Run({"inspect", folder_.path()}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("cannot be read"));
  EXPECT_THAT(out_.str(), IsEmpty());
}

}  // namespace
}  // namespace mneme::cli
