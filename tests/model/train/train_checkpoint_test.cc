#include "model/train/train_checkpoint.h"

#include <ATen/ATen.h>

#include <filesystem>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/model/train/temp_folder.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::testing::HasSubstr;

TrainCheckpoint Example() {
  return {{{"updates", 7}},
          {{"floats", at::arange(10, at::kFloat).view({2, 5})},
           {"halves", at::ones({3}, at::kBFloat16)},
           {"empty", at::zeros({0}, at::kLong)}}};
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

TEST(TrainCheckpointTest, IsCutIntoPiecesOfAtMostTheSizeAskedFor) {
  const TempFolder folder;
  ASSERT_OK(SaveCheckpoint(folder.File("c"), Example(), 16));
  int64_t pieces = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(folder.File("c"))) {
    if (entry.path().filename() == "index.json") continue;
    EXPECT_LE(entry.file_size(), 16u);
    ++pieces;
  }
  EXPECT_EQ(pieces, 3);
  EXPECT_THAT(LoadCheckpoint(folder.File("c")), IsOk());
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

TEST(TrainCheckpointTest, DamageIsDataLoss) {
  const TempFolder folder;
  ASSERT_OK(SaveCheckpoint(folder.File("c"), Example(), 0));
  std::string data = folder.Read("c/data.00000");
  data[5] = static_cast<char>(data[5] ^ 1);
  folder.Write("c/data.00000", data);
  EXPECT_THAT(LoadCheckpoint(folder.File("c")),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("sha256")));
  folder.Write("c/index.json", "{}");
  EXPECT_THAT(LoadCheckpoint(folder.File("c")),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("index.json")));
}

}  // namespace
}  // namespace mneme
