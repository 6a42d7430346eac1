#include "model/checkpoint/safetensors.h"

#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/parity/test_folder.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr absl::StatusCode kDataLoss = absl::StatusCode::kDataLoss;

std::string Length(uint64_t length) {
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes;
}

std::string FileOf(const std::string& header, const std::string& data) {
  return Length(header.size()) + header + data;
}

class SafetensorsTest : public ::testing::Test {
 protected:
  // Reads a file of these bytes.
  absl::StatusOr<StoredTensors> Parse(const std::string& bytes) {
    folder_.Write("x.safetensors", bytes);
    return ReadSafetensors(folder_.File("x.safetensors"));
  }
  absl::StatusOr<StoredTensors> ParseHeader(const std::string& header,
                                            size_t data_bytes) {
    return Parse(FileOf(header, std::string(data_bytes, 'd')));
  }

  TestFolder folder_;
};

TEST_F(SafetensorsTest, WhatIsWrittenIsRead) {
  const std::vector<HostTensor> tensors = {
      FloatTensor("b", {2, 2}, {1, 2, 3, 4}),
      {"a", DType::kUint8, {3}, "xyz"},
      {"wide", DType::kInt64, {1}, Length(7)},
      {"empty", DType::kFloat32, {0, 4}, ""},
      FloatTensor("scalar", {}, {5})};
  ASSERT_THAT(WriteSafetensors(folder_.File("x"), tensors, {{"k", "v"}}),
              IsOk());
  ASSERT_OK_AND_ASSIGN(const StoredTensors read,
                       ReadSafetensors(folder_.File("x")));
  ASSERT_EQ(read.size(), tensors.size());
  for (const HostTensor& tensor : tensors) {
    const StoredTensor& stored = read.at(tensor.name);
    EXPECT_EQ(stored.dtype, tensor.dtype) << tensor.name;
    EXPECT_EQ(stored.shape, tensor.shape) << tensor.name;
    EXPECT_EQ(stored.data, tensor.data) << tensor.name;
  }
}

TEST_F(SafetensorsTest, SameTensorsGiveSameBytesInAnyOrder) {
  const HostTensor a = FloatTensor("a", {1}, {1});
  const HostTensor b = {"b", DType::kUint8, {1}, "x"};
  const HostTensor c = {"c", DType::kInt64, {1}, Length(1)};
  ASSERT_THAT(WriteSafetensors(folder_.File("1"), {a, b, c}), IsOk());
  ASSERT_THAT(WriteSafetensors(folder_.File("2"), {c, b, a}), IsOk());
  EXPECT_EQ(folder_.Read("1"), folder_.Read("2"));
}

TEST_F(SafetensorsTest, TensorsAreAlignedToTheirDType) {
  ASSERT_THAT(WriteSafetensors(folder_.File("x"),
                               {{"a", DType::kUint8, {3}, "xyz"},
                                FloatTensor("b", {1}, {1}),
                                {"c", DType::kInt64, {1}, Length(1)}}),
              IsOk());
  ASSERT_OK_AND_ASSIGN(const StoredTensors read,
                       ReadSafetensors(folder_.File("x")));
  for (const auto& [name, tensor] : read) {
    const auto size = static_cast<uintptr_t>(SizeOf(*tensor.dtype));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.data.data()) % size, 0u);
  }
}

TEST_F(SafetensorsTest, WriterRefusesAWrongSizeAndATwiceUsedName) {
  EXPECT_THAT(
      WriteSafetensors(folder_.File("x"), {{"a", DType::kFloat32, {2}, "12"}}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"a\"")));
  const HostTensor a = FloatTensor("a", {1}, {1});
  EXPECT_THAT(WriteSafetensors(folder_.File("x"), {a, a}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"a\"")));
}

TEST_F(SafetensorsTest, WriterRefusesTextThatIsNotUtf8) {
  EXPECT_THAT(
      WriteSafetensors(folder_.File("x"), {{"\xff", DType::kUint8, {1}, "x"}}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("UTF-8")));
  EXPECT_THAT(WriteSafetensors(folder_.File("x"), {}, {{"k", "\xc3("}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("\"k\""), HasSubstr("UTF-8"))));
}

TEST_F(SafetensorsTest, WriterNamesAFolderThatIsNotThere) {
  EXPECT_THAT(WriteSafetensors(folder_.File("no/x"), {}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no/x")));
}

TEST_F(SafetensorsTest, MissingFileIsNotFound) {
  EXPECT_THAT(ReadSafetensors(folder_.File("none")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("none")));
}

TEST_F(SafetensorsTest, AFolderIsNoFile) {
  EXPECT_THAT(ReadSafetensors(folder_.path()),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("is not a regular file")));
}

TEST_F(SafetensorsTest, EmptyAndShortFilesAreTruncated) {
  for (const char* bytes : {"", "1234567"}) {
    EXPECT_THAT(Parse(bytes), StatusIs(kDataLoss, HasSubstr("truncated")));
  }
}

TEST_F(SafetensorsTest, HeaderLengthsThatLieAreRefused) {
  for (const uint64_t length :
       {uint64_t{3}, uint64_t{1} << 40, ~uint64_t{0}, ~uint64_t{7}}) {
    EXPECT_THAT(Parse(Length(length) + "{}"),
                StatusIs(kDataLoss, AllOf(HasSubstr("x.safetensors"),
                                          HasSubstr("header"))));
  }
}

TEST_F(SafetensorsTest, HeadersThatAreNoJsonObjectAreRefused) {
  for (const char* header : {"", "{", "[]", "7", "\"x\"", "\xff\xfe", "{}x"}) {
    EXPECT_THAT(Parse(FileOf(header, "")),
                StatusIs(kDataLoss, HasSubstr("header is not a JSON object")))
        << header;
  }
}

// The JSON library copies and prints a value by one call a level, so that a
// megabyte of brackets would overflow the stack, closed or not.
TEST_F(SafetensorsTest, DeepNestingIsRefused) {
  const std::string open(1 << 19, '['), close(1 << 19, ']');
  const std::string deep_shape = R"({"a":{"dtype":"U8","shape":)" + open +
                                 close + R"(,"data_offsets":[0,1]}})";
  for (const std::string& header : {open + open, open + close, deep_shape}) {
    EXPECT_THAT(ParseHeader(header, 1),
                StatusIs(kDataLoss, AllOf(HasSubstr("x.safetensors"),
                                          HasSubstr("nested deeper than 8"))));
  }
}

TEST_F(SafetensorsTest, BracketsInNamesAreNoNesting) {
  EXPECT_THAT(
      ParseHeader(
          R"({"[[[[[[[[[\"{{{":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
          1),
      IsOk());
}

TEST_F(SafetensorsTest, ANameThatComesTwiceIsRefused) {
  const std::string entry =
      R"({"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  EXPECT_THAT(ParseHeader("{\"a\":" + entry + ",\"a\":" + entry + "}", 1),
              StatusIs(kDataLoss, HasSubstr("\"a\" twice")));
  EXPECT_THAT(
      ParseHeader(
          R"({"a":{"dtype":"U8","shape":[1],"shape":[1],"data_offsets":[0,1]}})",
          1),
      StatusIs(kDataLoss, HasSubstr("\"shape\" twice")));
}

TEST_F(SafetensorsTest, MetadataThatAreNoTextsAreRefused) {
  EXPECT_THAT(ParseHeader(R"({"__metadata__":{"k":"v"}})", 0), IsOk());
  for (const char* metadata :
       {"7", "[]", "\"v\"", R"({"k":7})", R"({"k":{}})"}) {
    EXPECT_THAT(
        ParseHeader(std::string("{\"__metadata__\":") + metadata + "}", 0),
        StatusIs(kDataLoss, HasSubstr("__metadata__")))
        << metadata;
  }
}

TEST_F(SafetensorsTest, EntriesThatAreIncompleteAreNamed) {
  for (const char* entry :
       {"7", "{}", R"({"dtype":"U8","shape":[1]})",
        R"({"dtype":7,"shape":[1],"data_offsets":[0,1]})",
        R"({"dtype":"U8","shape":7,"data_offsets":[0,1]})",
        R"({"dtype":"U8","shape":[1],"data_offsets":[0]})",
        R"({"dtype":"U8","shape":[1],"data_offsets":[0,"1"]})",
        R"({"dtype":"U8","shape":[1],"data_offsets":[-1,0]})",
        R"({"dtype":"U8","shape":[-1],"data_offsets":[0,1]})",
        R"({"dtype":"U8","shape":[1.5],"data_offsets":[0,1]})"}) {
    EXPECT_THAT(ParseHeader(std::string("{\"some.weight\":") + entry + "}", 1),
                StatusIs(kDataLoss, AllOf(HasSubstr("some.weight"),
                                          HasSubstr("x.safetensors"))))
        << entry;
  }
}

TEST_F(SafetensorsTest, UnknownDTypeIsNamed) {
  EXPECT_THAT(
      ParseHeader(R"({"a":{"dtype":"F7","shape":[1],"data_offsets":[0,1]}})",
                  1),
      StatusIs(absl::StatusCode::kInvalidArgument,
               AllOf(HasSubstr("\"a\""), HasSubstr("F7"))));
}

TEST_F(SafetensorsTest, OffsetsBeyondTheFileAreRefused) {
  for (const char* offsets :
       {"[0,5]", "[4,8]", "[3,2]", "[18446744073709551615,3]"}) {
    EXPECT_THAT(
        ParseHeader(absl::StrReplaceAll(
                        R"({"a":{"dtype":"U8","shape":[4],"data_offsets":@}})",
                        {{"@", offsets}}),
                    4),
        StatusIs(kDataLoss, HasSubstr("claims the bytes")))
        << offsets;
  }
}

TEST_F(SafetensorsTest, ASizeThatIsNotItsShapeIsRefused) {
  EXPECT_THAT(
      ParseHeader(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})",
                  4),
      StatusIs(kDataLoss, HasSubstr("needs 8")));
}

TEST_F(SafetensorsTest, AShapeThatOverflowsIsRefused) {
  EXPECT_THAT(
      ParseHeader(
          R"({"a":{"dtype":"F32","shape":[4611686018427387905,4],"data_offsets":[0,4]}})",
          4),
      StatusIs(kDataLoss, HasSubstr("impossible shape")));
}

TEST_F(SafetensorsTest, OverlapsAreRefused) {
  EXPECT_THAT(
      ParseHeader(R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},)"
                  R"("b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})",
                  4),
      StatusIs(kDataLoss, AllOf(HasSubstr("\"b\""), HasSubstr("overlaps"))));
}

TEST_F(SafetensorsTest, GapsAndBytesOfNoTensorAreRefused) {
  EXPECT_THAT(
      ParseHeader(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})",
                  4),
      StatusIs(kDataLoss, HasSubstr("gap")));
  EXPECT_THAT(
      ParseHeader(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})",
                  4),
      StatusIs(kDataLoss, HasSubstr("2 bytes at the end")));
}

TEST_F(SafetensorsTest, PicklesAreRefusedWithHowToConvert) {
  for (const std::string& bytes :
       {std::string("PK\x03\x04zip"), std::string("\x80\x02}q\x00oooo", 9)}) {
    EXPECT_THAT(Parse(bytes),
                StatusIs(absl::StatusCode::kUnimplemented,
                         AllOf(HasSubstr("pickle"),
                               HasSubstr("safetensors.torch.save_file"))));
  }
}

TEST_F(SafetensorsTest, EveryTruncationOfARealFileIsRefused) {
  ASSERT_THAT(
      WriteSafetensors(folder_.File("good"), {FloatTensor("a", {2}, {1, 2}),
                                              FloatTensor("b", {1}, {3})}),
      IsOk());
  const std::string good = folder_.Read("good");
  ASSERT_THAT(Parse(good), IsOk());
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_THAT(Parse(good.substr(0, size)), StatusIs(kDataLoss)) << size;
  }
}

TEST_F(SafetensorsTest, NoChangedByteOfAHeaderCrashes) {
  ASSERT_THAT(
      WriteSafetensors(folder_.File("good"), {FloatTensor("a", {2}, {1, 2}),
                                              FloatTensor("b", {1}, {3})}),
      IsOk());
  const std::string good = folder_.Read("good");
  for (size_t i = 0; i < good.size(); ++i) {
    for (const char change : {'\x01', '\x04', '\x10', '\x7f'}) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ change);
      const auto read = Parse(bad);
      if (!read.ok()) continue;
      for (const auto& [name, tensor] : *read) {
        EXPECT_LE(tensor.data.size(), good.size()) << name;
      }
    }
  }
}

}  // namespace
}  // namespace mneme
