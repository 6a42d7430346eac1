#include "client/cli/transfer_commands.h"

#include <filesystem>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/cli_fixture.h"

namespace mneme::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class TransferCommandsTest : public OneSessionTest {
 protected:
  // What is in the folder beside the text.
  std::vector<std::string> Files() const {
    std::vector<std::string> names;
    for (const auto& entry :
         std::filesystem::directory_iterator(folder_.path())) {
      if (entry.path().filename() != "text") {
        names.push_back(entry.path().filename());
      }
    }
    return names;
  }
};

TEST_F(TransferCommandsTest, WhatWasExportedIsImported) {
  const std::string path = folder_.File("f");
  EXPECT_EQ(Run({"export", "p-0", path}), 0) << err_.str();
  EXPECT_EQ(out_.str(), retained_[6] + "\n");
  EXPECT_THAT(Files(), ::testing::ElementsAre("f"));
  EXPECT_EQ(Run({"import", path, "--as", "q", "--model", "fake", "--durability",
                 "memory"}),
            0)
      << err_.str();
  EXPECT_EQ(out_.str(), "q" + retained_[6].substr(3) + "\n");
  EXPECT_EQ(server_->TextOf("q"), kText);
  ASSERT_EQ(Run({"inspect", "q", "--json"}), 0);
  EXPECT_EQ(Json()["durability"], "memory");
}

TEST_F(TransferCommandsTest, JsonIsAnObject) {
  const std::string path = folder_.Write("f", "replaced");
  EXPECT_EQ(Run({"export", retained_[2], path, "--json"}), 0) << err_.str();
  EXPECT_EQ(Json()["handle"], retained_[2]);
  EXPECT_EQ(Json()["file"], path);
  EXPECT_EQ(Json()["bytes"], std::filesystem::file_size(path));
  EXPECT_EQ(Run({"import", path, "--as", "q", "--json"}), 0) << err_.str();
  EXPECT_EQ(Json()["session"], "q");
  EXPECT_THAT(Json()["head"].get<std::string>(), StartsWith("q/2/"));
}

TEST_F(TransferCommandsTest, TheStandardOutputIsTheFileAlone) {
  const std::string path = folder_.File("f");
  ASSERT_EQ(Run({"export", "p-0", path}), 0) << err_.str();
  EXPECT_EQ(Run({"export", "p-0", "-"}), 0) << err_.str();
  EXPECT_EQ(out_.str(), TempFolder::ReadFile(path));
  EXPECT_EQ(Run({"export", "p-0", "-", "--json"}), 2);
  EXPECT_THAT(err_.str(), HasSubstr("--json"));
}

TEST_F(TransferCommandsTest, AnExportThatBreaksLeavesTheOldFile) {
  const std::string path = folder_.Write("f", "old");
  server_->BreakExports(2, {grpc::StatusCode::DATA_LOSS, "a stored value"});
  EXPECT_EQ(Run({"export", "p-0", path}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("a stored value"));
  EXPECT_EQ(TempFolder::ReadFile(path), "old");
  EXPECT_THAT(Files(), ::testing::ElementsAre("f"));
  EXPECT_THAT(out_.str(), IsEmpty());
}

TEST_F(TransferCommandsTest, AnExportWhoseChecksumDoesNotHoldLeavesNoFile) {
  server_->CorruptExports();
  EXPECT_EQ(Run({"export", "p-0", folder_.File("f")}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("sha256 does not hold"));
  server_->BreakExports(2, grpc::Status::OK);
  EXPECT_EQ(Run({"export", "p-0", folder_.File("f")}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("DATA_LOSS"));
  EXPECT_THAT(Files(), IsEmpty());
}

TEST_F(TransferCommandsTest, AnInterruptLeavesNeitherFileNorSession) {
  const std::string path = folder_.File("f");
  ASSERT_EQ(Run({"export", "p-0", path}), 0) << err_.str();
  interrupted_ = true;
  EXPECT_EQ(Run({"export", "p-0", folder_.File("g")}), 130);
  EXPECT_EQ(Run({"import", path, "--as", "q"}), 130);
  EXPECT_THAT(Files(), ::testing::ElementsAre("f"));
  server_->Kill();  // until the call has ended on the server too
  EXPECT_EQ(server_->session_count(), 1u);
  server_->Restart();
}

TEST_F(TransferCommandsTest, PathsThatCannotBeAreNamed) {
  for (const std::string path : {"/no/such/folder/f", "/dev/null"}) {
    EXPECT_EQ(Run({"export", "p-0", path}), 1);
    EXPECT_THAT(err_.str(), HasSubstr(path + ": cannot be written"));
  }
  EXPECT_EQ(Run({"import", folder_.File("none"), "--as", "q"}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("none: cannot be read: No such file"));
  EXPECT_EQ(Run({"import", folder_.path(), "--as", "q"}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("cannot be read"));
}

TEST_F(TransferCommandsTest, ErrorsOfTheServerAreExplained) {
  const std::string path = folder_.File("f");
  ASSERT_EQ(Run({"export", "p-0", path}), 0) << err_.str();
  EXPECT_EQ(Run({"import", path, "--as", "p-0"}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("ALREADY_EXISTS"));
  EXPECT_EQ(Run({"import", path, "--as", "q", "--model", "other"}), 1);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("other"), HasSubstr("NOT_FOUND")));
  EXPECT_EQ(Run({"import", folder_.File("text"), "--as", "q"}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("expected a safetensors file"));
  EXPECT_EQ(Run({"export", "none", folder_.File("g")}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("NOT_FOUND"));
}

TEST_F(TransferCommandsTest, WrongArgumentsAreUsageErrors) {
  EXPECT_EQ(Run({"export", "p-0"}), 2);
  EXPECT_THAT(err_.str(), HasSubstr("FILE"));
  EXPECT_EQ(Run({"export", "p-0/1", "f"}), 2);
  EXPECT_THAT(err_.str(), HasSubstr("three parts"));
  EXPECT_EQ(Run({"import"}), 2);
  EXPECT_EQ(Run({"import", "f", "--durability", "disk"}), 2);
  EXPECT_THAT(err_.str(), HasSubstr("memory, async or sync"));
}

}  // namespace
}  // namespace mneme::cli
