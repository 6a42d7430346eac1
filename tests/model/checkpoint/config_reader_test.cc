#include "model/checkpoint/config_reader.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::json;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

TEST(ConfigReaderTest, ReadsWhatIsThere) {
  const Json json = {{"i", 7},      {"n", 0.5},        {"b", true},
                     {"s", "text"}, {"l", {"x", "y"}}, {"o", {{"k", 1}}}};
  ConfigReader reader(json, "c");
  EXPECT_EQ(reader.Int("i", std::nullopt), 7);
  EXPECT_EQ(reader.Number("n", std::nullopt), 0.5);
  EXPECT_TRUE(reader.Bool("b", false));
  EXPECT_EQ(reader.String("s", std::nullopt), "text");
  EXPECT_THAT(reader.Strings("l"), ElementsAre("x", "y"));
  EXPECT_EQ(reader.Object("o", true), Json({{"k", 1}}));
  EXPECT_THAT(reader.Finish(), IsOk());
}

TEST(ConfigReaderTest, AbsentAndNullGiveTheDefault) {
  const Json json = {{"i", nullptr}};
  ConfigReader reader(json, "c");
  EXPECT_EQ(reader.Int("i", 3), 3);
  EXPECT_EQ(reader.Number("n", 2.5), 2.5);
  EXPECT_TRUE(reader.Bool("b", true));
  EXPECT_EQ(reader.String("s", "d"), "d");
  EXPECT_FALSE(reader.Has("i"));
  EXPECT_THAT(reader.Finish(), IsOk());
}

TEST(ConfigReaderTest, UnknownKeyIsRefusedByName) {
  const Json json = {{"sliding_window", 128}};
  ConfigReader reader(json, "config.json: backbone");
  EXPECT_THAT(reader.Finish(),
              StatusIs(kInvalid, AllOf(HasSubstr("config.json: backbone"),
                                       HasSubstr("\"sliding_window\" = 128"))));
}

TEST(ConfigReaderTest, WrongTypesAndRangesAreNamed) {
  for (const Json& value :
       {Json("7"), Json(1.5), Json(0), Json(-1), Json(uint64_t{1} << 63),
        Json(Json::array()), Json(true)}) {
    const Json json = {{"layers", value}};
    ConfigReader reader(json, "c");
    reader.Int("layers", 1);
    EXPECT_THAT(reader.Finish(), StatusIs(kInvalid, HasSubstr("\"layers\"")))
        << value;
  }
  for (const Json& value : {Json("x"), Json(0), Json(-0.5), Json(nullptr)}) {
    const Json json = {{"theta", value}};
    ConfigReader reader(json, "c");
    reader.Number("theta", std::nullopt);
    EXPECT_THAT(reader.Finish(), StatusIs(kInvalid, HasSubstr("\"theta\"")))
        << value;
  }
}

TEST(ConfigReaderTest, WrongBoolStringListAndObjectAreNamed) {
  const Json json = {{"x", 1}};
  ConfigReader b(json, "c"), s(json, "c"), l(json, "c"), o(json, "c");
  b.Bool("x", false);
  s.String("x", std::nullopt);
  l.Strings("x");
  o.Object("x", true);
  for (ConfigReader* reader : {&b, &s, &l, &o}) {
    EXPECT_THAT(reader->Finish(), StatusIs(kInvalid, HasSubstr("\"x\" is 1")));
  }
}

TEST(ConfigReaderTest, TheFirstErrorIsKept) {
  const Json json = Json::object();
  ConfigReader reader(json, "c");
  reader.Int("first", std::nullopt);
  reader.Int("second", std::nullopt);
  EXPECT_THAT(reader.Finish(),
              StatusIs(kInvalid, HasSubstr("\"first\" is missing")));
}

TEST(ConfigReaderTest, OnlyRefusesAnotherValue) {
  const Json one = {{"pretraining_tp", 1}}, two = {{"pretraining_tp", 2}};
  ConfigReader good(one, "c"), bad(two, "c");
  good.Only("pretraining_tp", 1);
  bad.Only("pretraining_tp", 1);
  EXPECT_THAT(good.Finish(), IsOk());
  EXPECT_THAT(bad.Finish(), StatusIs(kInvalid, HasSubstr("pretraining_tp")));
}

TEST(ConfigReaderTest, HuggingFaceKeysPassAndCrossAttentionDoesNot) {
  const Json good = {{"torch_dtype", "float32"}, {"id2label", Json::object()}};
  const Json bad = {{"add_cross_attention", true}};
  ConfigReader passes(good, "c"), refuses(bad, "c");
  passes.IgnoreHuggingFaceKeys();
  refuses.IgnoreHuggingFaceKeys();
  EXPECT_THAT(passes.Finish(), IsOk());
  EXPECT_THAT(refuses.Finish(),
              StatusIs(kInvalid, HasSubstr("add_cross_attention")));
}

TEST(ConfigReaderTest, WhatIsNoObjectIsRefused) {
  const Json json = Json::array();
  ConfigReader reader(json, "c");
  EXPECT_THAT(reader.Finish(),
              StatusIs(kInvalid, HasSubstr("c is not a JSON object")));
}

TEST(ConfigReaderTest, MergedErrorsCount) {
  const Json json = Json::object();
  ConfigReader reader(json, "c");
  reader.Merge(absl::InvalidArgumentError("inner"));
  EXPECT_THAT(reader.Finish(), StatusIs(kInvalid, "inner"));
}

}  // namespace
}  // namespace mneme
