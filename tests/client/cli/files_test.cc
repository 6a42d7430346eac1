#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/cli/handles_file.h"
#include "client/cli/record_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/segments.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_folder.h"

namespace mneme::cli {
namespace {

using ::mneme::testing::MakeSegment;
using ::mneme::testing::MakeTensor;
using ::testing::HasSubstr;

TEST(RecordFileTest, ALineHasTheHandleAndTheOutputs) {
  client::SegmentResult segment = MakeSegment(7, {std::nanf(""), -1.5f});
  segment.outputs.push_back(
      MakeTensor<int32_t>("argmax", client::ElementType::kI32, {104, 105}));
  nlohmann::json json = nlohmann::json::parse(RecordLine(3, segment));
  EXPECT_EQ(json["session"], "s");
  EXPECT_EQ(json["part"], 3);
  EXPECT_EQ(json["step"], 7);
  std::string hex;
  for (int i = 0; i < 32; ++i) hex += "0f";
  EXPECT_EQ(json["digest"], hex);
  EXPECT_TRUE(json["log_probs"][0].is_null());
  EXPECT_EQ(json["log_probs"][1], -1.5);
  EXPECT_EQ(json["argmax"], nlohmann::json({104, 105}));
  EXPECT_EQ(json["device_us"], 50);
  EXPECT_EQ(json["source"], "computed");
}

TEST(RecordFileTest, WritesALineForEachSegment) {
  TempFolder folder;
  RecordFile file;
  ASSERT_THAT(file.Open(folder.File("r")), IsOk());
  file.Write(0, MakeSegment(1, {-1}));
  file.Write(0, MakeSegment(2, {-1}));
  EXPECT_THAT(file.Close(), IsOk());
  std::string text = TempFolder::ReadFile(folder.File("r"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
}

TEST(RecordFileTest, WithoutAPathNothingHappens) {
  RecordFile file;
  ASSERT_THAT(file.Open(""), IsOk());
  file.Write(0, MakeSegment(1, {-1}));
  EXPECT_THAT(file.Close(), IsOk());
}

TEST(RecordFileTest, ErrorsNameTheFile) {
  RecordFile nowhere;
  EXPECT_THAT(nowhere.Open("/no/such/folder/r"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/no/such")));
  RecordFile full;
  ASSERT_THAT(full.Open("/dev/full"), IsOk());
  full.Write(0, MakeSegment(1, {-1}));
  EXPECT_THAT(full.Close(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("/dev/full")));
}

class HandlesFileTest : public ::testing::Test {
 protected:
  void ExpectError(const std::string& line, const std::string& message) {
    EXPECT_THAT(
        ReadHandles(folder_.Write("h", line)),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
  }
  TempFolder folder_;
};

TEST_F(HandlesFileTest, ReadsWhatItWrites) {
  ResumePoint point{{"s-1", 12, std::string(32, '\x01')}, {"a b.txt", 5, 99}};
  ASSERT_THAT(WriteHandles(folder_.File("h"), {point, point}), IsOk());
  ASSERT_OK_AND_ASSIGN(auto points, ReadHandles(folder_.File("h")));
  ASSERT_EQ(points.size(), 2u);
  EXPECT_EQ(points[1].handle, point.handle);
  EXPECT_EQ(points[1].rest.path, "a b.txt");
  EXPECT_EQ(points[1].rest.begin, 5u);
  EXPECT_EQ(points[1].rest.end, 99u);
}

TEST_F(HandlesFileTest, WhetherItCanBeWrittenIsFoundOutWithoutATrace) {
  EXPECT_THAT(CheckHandlesWritable(folder_.File("h")), IsOk());
  EXPECT_THAT(ReadHandles(folder_.File("h")),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(ReadHandles(folder_.File("h.new")),
              StatusIs(absl::StatusCode::kNotFound));
  for (const char* path : {"/no/such/folder/h", "/tmp"}) {
    EXPECT_THAT(CheckHandlesWritable(path),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr(path)));
  }
}

TEST_F(HandlesFileTest, ErrorsNameTheLineAndTheKey) {
  std::string handle = absl::StrCat("s/1/", std::string(64, 'a'));
  ExpectError("", "found none");
  ExpectError("nonsense\n", "line 1: expected a JSON object");
  ExpectError(R"({"file":"a","begin":0,"end":1})", "'handle'");
  ExpectError(R"({"handle":"s/1","file":"a","begin":0,"end":1})",
              "three parts");
  ExpectError(absl::StrCat(R"({"handle":")", handle, R"(","begin":0,"end":1})"),
              "'file'");
  ExpectError(absl::StrCat(R"({"handle":")", handle,
                           R"(","file":"a","begin":-1,"end":1})"),
              "'begin'");
  ExpectError(absl::StrCat(R"({"handle":")", handle,
                           R"(","file":"a","begin":2,"end":1})"),
              "'begin' is after 'end'");
  EXPECT_THAT(ReadHandles(folder_.File("none")),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(WriteHandles("/no/such/folder/h", {}),
              StatusIs(absl::StatusCode::kDataLoss));
}

}  // namespace
}  // namespace mneme::cli
