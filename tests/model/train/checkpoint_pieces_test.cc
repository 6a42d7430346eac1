#include "model/train/checkpoint_pieces.h"

#include <ATen/ATen.h>

#include <filesystem>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/checkpoint/safetensors.h"
#include "model/checkpoint/torch_tensor.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_folder.h"

namespace mneme {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

using Tensors = std::map<std::string, at::Tensor>;

constexpr int64_t kPiece = 65536;

class CheckpointPiecesTest : public ::testing::Test {
 protected:
  std::string Folder() const { return folder_.File(""); }
  void WriteTensor(const std::string& file, const at::Tensor& tensor) const {
    ASSERT_OK(WriteSafetensors(folder_.File(file), {{ToHost("x", tensor)}}));
  }
  auto Lost(const std::string& text) const {
    return StatusIs(absl::StatusCode::kDataLoss, HasSubstr(text));
  }

  const TempFolder folder_;
  const std::string first_ = "tensors-00001-of-00002.safetensors";
  const std::string second_ = "tensors-00002-of-00002.safetensors";
};

TEST_F(CheckpointPiecesTest, TensorsLargerThanAFileComeBackWhole) {
  const Tensors tensors = {
      {"empty", at::zeros({0, 3}, at::kLong)},
      {"flat", at::arange(100000, at::kFloat)},
      {"rows", at::arange(90000, at::kInt).view({300, 20, 15}).to(at::kHalf)},
      {"scalar", at::ones({}, at::kBFloat16)},
      {"wide", at::arange(40000, at::kInt).view({2, 20000})}};
  ASSERT_OK_AND_ASSIGN(const auto names,
                       WritePieces(Folder(), tensors, kPiece));
  EXPECT_GT(names.size(), 9u);
  ASSERT_OK_AND_ASSIGN(const Tensors read, ReadPieces(Folder(), names));
  ASSERT_EQ(read.size(), tensors.size());
  for (const auto& [name, tensor] : tensors) {
    EXPECT_EQ(read.at(name).scalar_type(), tensor.scalar_type()) << name;
    EXPECT_TRUE(at::equal(read.at(name), tensor)) << name;
  }
}

TEST_F(CheckpointPiecesTest, NoFileIsLargerThanAsked) {
  const Tensors tensors = {{"a", at::zeros({100000})}, {"b", at::zeros({9})}};
  ASSERT_OK_AND_ASSIGN(const auto names,
                       WritePieces(Folder(), tensors, kPiece));
  EXPECT_THAT(names, SizeIs(7));
  for (const std::string& name : names) {
    EXPECT_LE(std::filesystem::file_size(folder_.File(name)),
              static_cast<size_t>(kPiece));
  }
  EXPECT_THAT(WritePieces(Folder(), tensors, 0), IsOkAndHolds(SizeIs(1)));
}

TEST_F(CheckpointPiecesTest, ASeriesWithAGapIsDataLoss) {
  ASSERT_OK_AND_ASSIGN(
      std::vector<std::string> names,
      WritePieces(Folder(), {{"a", at::zeros({100000})}}, kPiece));
  names.erase(names.begin() + 1);
  EXPECT_THAT(ReadPieces(Folder(), names), Lost(names[0]));
  EXPECT_THAT(ReadPieces(Folder(), {}), Lost(Folder()));
}

TEST_F(CheckpointPiecesTest, APartThatDoesNotFitTheOthersIsDataLoss) {
  WriteTensor(first_, at::zeros({2, 3}));
  for (const at::Tensor& bad : {at::zeros({2, 4}), at::zeros({2, 3}, at::kLong),
                                at::zeros({2}), at::zeros({})}) {
    WriteTensor(second_, bad);
    EXPECT_THAT(ReadPieces(Folder(), {first_, second_}), Lost(second_));
  }
  WriteTensor(second_, at::zeros({5, 3}));
  EXPECT_THAT(ReadPieces(Folder(), {first_, second_}), IsOk());
}

TEST_F(CheckpointPiecesTest, ALyingFileIsDataLossThatNamesIt) {
  const std::string name = "tensors-00001-of-00001.safetensors";
  const auto file = [](std::string header) {
    std::string length(8, '\0');
    length[0] = static_cast<char>(header.size());
    return length + header + std::string(8, 'x');
  };
  for (const std::string& bytes :
       {std::string("PK\x03\x04 a pickle"), std::string("short"),
        file(R"({"x":{"dtype":"F32","shape":[4611686018427387904],)"
             R"("data_offsets":[0,8]}})"),
        file(R"({"x":{"dtype":"F99","shape":[1],"data_offsets":[0,8]}})"),
        file(R"({"x":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}})"),
        file(R"({"x":{"dtype":7,"shape":[1],"data_offsets":[0,8]}})"),
        file(R"({"x":{"dtype":"F32","shape":"2","data_offsets":[0,8]}})"),
        file(R"({"x":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})")}) {
    folder_.Write(name, bytes);
    EXPECT_THAT(ReadPieces(Folder(), {name}), Lost(name)) << bytes;
  }
}

}  // namespace
}  // namespace mneme
