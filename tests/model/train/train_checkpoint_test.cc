#include "model/train/train_checkpoint.h"

#include <ATen/ATen.h>

#include <filesystem>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/train/file_sums.h"
#include "model/train/options.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_folder.h"

namespace mneme {
namespace {

using ::testing::HasSubstr;

TrainCheckpoint Example() {
  TrainCheckpoint example;
  example.state = {{"updates", 7}};
  example.tensors = {{"floats", at::arange(10, at::kFloat).view({2, 5})},
                     {"halves", at::ones({3}, at::kBFloat16)},
                     {"empty", at::zeros({0}, at::kLong)}};
  return example;
}

TEST(TrainCheckpointTest, ComesBackAsItWas) {
  const TempFolder folder;
  ASSERT_OK(SaveCheckpoint(folder.File("c"), Example(), 0));
  ASSERT_OK_AND_ASSIGN(const TrainCheckpoint loaded,
                       LoadCheckpoint(folder.File("c")));
  EXPECT_EQ(loaded.state, Example().state);
  ASSERT_EQ(loaded.tensors.size(), 3u);
  for (const auto& [name, tensor] : Example().tensors) {
    EXPECT_TRUE(at::equal(loaded.tensors.at(name), tensor)) << name;
  }
}

TEST(TrainCheckpointTest, IsCutIntoFilesOfAtMostTheSizeAskedFor) {
  const TempFolder folder;
  TrainCheckpoint large = Example();
  large.tensors["large"] = at::arange(50000, at::kFloat);
  ASSERT_OK(SaveCheckpoint(folder.File("c"), large, kLeastPieceBytes));
  int64_t files = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(folder.File("c"))) {
    EXPECT_LE(entry.file_size(), static_cast<size_t>(kLeastPieceBytes));
    ++files;
  }
  // The state, the checksums, one for the small tensors, four for the large.
  EXPECT_EQ(files, 2 + 1 + 4);
  ASSERT_OK_AND_ASSIGN(const TrainCheckpoint loaded,
                       LoadCheckpoint(folder.File("c")));
  EXPECT_TRUE(at::equal(loaded.tensors.at("large"), large.tensors["large"]));
}

TEST(TrainCheckpointTest, ANewOneReplacesTheOld) {
  const TempFolder folder;
  ASSERT_OK(SaveCheckpoint(folder.File("c"), Example(), 0));
  TrainCheckpoint next = Example();
  next.state["updates"] = 8;
  ASSERT_OK(SaveCheckpoint(folder.File("c"), next, 0));
  ASSERT_OK_AND_ASSIGN(const TrainCheckpoint loaded,
                       LoadCheckpoint(folder.File("c")));
  EXPECT_EQ(loaded.state["updates"], 8);
}

TEST(TrainCheckpointTest, TheOldOneServesWhenTheSwapWasInterrupted) {
  const TempFolder folder;
  ASSERT_OK(SaveCheckpoint(folder.File("c"), Example(), 0));
  std::filesystem::rename(folder.File("c"), folder.File("c.old"));
  EXPECT_THAT(LoadCheckpoint(folder.File("c")), IsOk());
}

TEST(TrainCheckpointTest, NoneIsNotFound) {
  const TempFolder folder;
  EXPECT_THAT(LoadCheckpoint(folder.File("c")),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST(TrainCheckpointTest, AFolderMayBeNamedWithASlashAtItsEnd) {
  const TempFolder folder;
  ASSERT_OK(SaveCheckpoint(folder.File("c/"), Example(), 0));
  ASSERT_OK(SaveCheckpoint(folder.File("c/"), Example(), 0));
  EXPECT_THAT(LoadCheckpoint(folder.File("c/")), IsOk());
  EXPECT_THAT(LoadCheckpoint(folder.File("c")), IsOk());
}

TEST(TrainCheckpointTest, SavingReplacesAnOldOneLeftByAnInterruptedSwap) {
  const TempFolder folder;
  ASSERT_OK(SaveCheckpoint(folder.File("c"), Example(), 0));
  std::filesystem::rename(folder.File("c"), folder.File("c.old"));
  ASSERT_OK(SaveCheckpoint(folder.File("c"), Example(), 0));
  EXPECT_THAT(LoadCheckpoint(folder.File("c")), IsOk());
  EXPECT_FALSE(std::filesystem::exists(folder.File("c.old")));
}

constexpr char kPiece[] = "c/tensors-00001-of-00001.safetensors";

class DamagedCheckpointTest : public ::testing::Test {
 protected:
  DamagedCheckpointTest() {
    EXPECT_OK(SaveCheckpoint(folder_.File("c"), Example(), 0));
  }
  // Replaces a file and puts its new checksum among the others.
  void Forge(const std::string& name, const std::string& bytes) const {
    folder_.Write(name, bytes);
    EXPECT_OK(WriteSums(folder_.File("c"), {"state.json", kPiece + 2}));
  }
  void ExpectLost(const std::string& file) const {
    EXPECT_THAT(
        LoadCheckpoint(folder_.File("c")),
        StatusIs(absl::StatusCode::kDataLoss, HasSubstr(folder_.File(file))));
  }

  const TempFolder folder_;
};

TEST_F(DamagedCheckpointTest, AFlippedByteOfAnyFileIsDataLossThatNamesIt) {
  for (const std::string name : {"c/state.json", kPiece, "c/SHA256SUMS"}) {
    const std::string good = folder_.Read(name);
    ASSERT_FALSE(good.empty()) << name;
    for (size_t i = 0; i < good.size(); i += 7) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ 1);
      folder_.Write(name, bad);
      ExpectLost(name == "c/SHA256SUMS" ? "c/" : name);
    }
    folder_.Write(name, good);
  }
  EXPECT_THAT(LoadCheckpoint(folder_.File("c")), IsOk());
}

TEST_F(DamagedCheckpointTest, ATruncatedOrMissingFileIsDataLossThatNamesIt) {
  for (const std::string name : {"c/state.json", kPiece, "c/SHA256SUMS"}) {
    const std::string good = folder_.Read(name);
    for (const size_t size : {size_t{0}, good.size() / 2, good.size() - 1}) {
      folder_.Write(name, good.substr(0, size));
      ExpectLost(name == "c/SHA256SUMS" ? "c/" : name);
    }
    std::filesystem::remove(folder_.File(name));
    ExpectLost(name);
    folder_.Write(name, good);
  }
}

TEST_F(DamagedCheckpointTest, ASumsFileWithoutTheTensorsIsDataLoss) {
  ASSERT_OK(WriteSums(folder_.File("c"), {"state.json"}));
  ExpectLost("c");
  ASSERT_OK(WriteSums(folder_.File("c"), {kPiece + 2}));
  ExpectLost("c/SHA256SUMS");
}

TEST_F(DamagedCheckpointTest, AStateOfTheWrongTypesIsDataLoss) {
  for (const char* state :
       {"[]", "{}", "{", "7", R"({"format": "2", "state": {}})",
        R"({"format": 2, "state": 7})", R"({"format": 1, "state": {}})"}) {
    Forge("c/state.json", state);
    ExpectLost("c/state.json");
  }
}

TEST_F(DamagedCheckpointTest, TensorsOfWrongTypesAndImpossibleShapesAreLost) {
  for (std::string header :
       {R"({"x":{"dtype":5,"shape":[2],"data_offsets":[0,8]}})",
        R"({"x":{"dtype":"F32","shape":{"a":1},"data_offsets":[0,8]}})",
        R"({"x":{"dtype":"F32","shape":[9000000000000],"data_offsets":[0,8]}})",
        R"({"x":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})",
        R"({"x":{"dtype":"F32","shape":[2],"data_offsets":["0",8]}})"}) {
    std::string length(8, '\0');
    length[0] = static_cast<char>(header.size());
    Forge(kPiece, length + header + std::string(8, 'x'));
    ExpectLost(kPiece);
  }
}

TEST(TrainCheckpointTest, CountersOfTheWrongTypeAreDataLossThatNamesTheFile) {
  TrainCheckpoint checkpoint;
  checkpoint.file = "c/state.json";
  const auto lost =
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("c/state.json: \"x\""));
  EXPECT_THAT(checkpoint.Counter("x"), lost);
  for (const nlohmann::json& bad :
       {nlohmann::json("7"), nlohmann::json(-1), nlohmann::json(1.5),
        nlohmann::json(nullptr), nlohmann::json(UINT64_MAX)}) {
    checkpoint.state["x"] = bad;
    EXPECT_THAT(checkpoint.Counter("x"), lost) << bad;
  }
  checkpoint.state["x"] = 7;
  EXPECT_THAT(checkpoint.Counter("x"), IsOkAndHolds(7));
  EXPECT_THAT(checkpoint.Seconds(), StatusIs(absl::StatusCode::kDataLoss));
  checkpoint.state["seconds"] = "long";
  EXPECT_THAT(checkpoint.Seconds(), StatusIs(absl::StatusCode::kDataLoss));
  checkpoint.state["seconds"] = 1.5;
  EXPECT_THAT(checkpoint.Seconds(), IsOkAndHolds(1.5));
}

}  // namespace
}  // namespace mneme
