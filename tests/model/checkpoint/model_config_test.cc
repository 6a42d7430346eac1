#include "model/checkpoint/model_config.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/parity/test_folder.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::json;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

Json Oracle() {
  return {{"architecture", "oracle"}, {"segment_size", 8}, {"vocab_size", 100}};
}

Json Rmt() {
  return {{"architecture", "rmt"},
          {"segment_size", 8},
          {"num_mem_tokens", 4},
          {"backbone", {{"model_type", "gpt2"}}}};
}

TEST(ModelConfigTest, ReadsTheFewKeysOfAnOracle) {
  ASSERT_OK_AND_ASSIGN(const ModelConfig config,
                       ParseModelConfig(Oracle(), "/models/exact"));
  EXPECT_EQ(config.architecture, "oracle");
  EXPECT_EQ(config.name, "exact");
  EXPECT_EQ(config.version, 1);
  EXPECT_EQ(config.segment_size, 8);
  EXPECT_EQ(config.vocab_size, 100);
  EXPECT_EQ(config.tokenizer, "");
}

TEST(ModelConfigTest, TheFoldersNameSurvivesAFinalSlash) {
  ASSERT_OK_AND_ASSIGN(const ModelConfig config,
                       ParseModelConfig(Oracle(), "/models/exact/"));
  EXPECT_EQ(config.name, "exact");
}

TEST(ModelConfigTest, ReadsTheOptionalKeys) {
  Json json = Rmt();
  json.update({{"name", "wiki-8m"},
               {"version", "12"},
               {"tokenizer", "bytes"},
               {"memory_dtype", "bfloat16"}});
  ASSERT_OK_AND_ASSIGN(const ModelConfig config, ParseModelConfig(json, "/m"));
  EXPECT_EQ(config.name, "wiki-8m");
  EXPECT_EQ(config.version, 12);
  EXPECT_EQ(config.tokenizer, "bytes");
  EXPECT_EQ(config.memory_dtype, DType::kBFloat16);
  EXPECT_EQ(config.num_mem_tokens, 4);
  EXPECT_EQ(config.backbone, Json({{"model_type", "gpt2"}}));
}

TEST(ModelConfigTest, UnknownArchitectureIsNamedWithTheKnownOnes) {
  Json json = Oracle();
  json["architecture"] = "titans";
  EXPECT_THAT(ParseModelConfig(json, "/m"),
              StatusIs(kInvalid, AllOf(HasSubstr("titans"), HasSubstr("rmt"))));
}

TEST(ModelConfigTest, UnknownFlagIsRefusedByName) {
  Json json = Rmt();
  json["wrap_pos"] = true;
  EXPECT_THAT(ParseModelConfig(json, "/m"),
              StatusIs(kInvalid, HasSubstr("\"wrap_pos\"")));
}

TEST(ModelConfigTest, MissingKeysAreNamed) {
  for (const char* key :
       {"architecture", "segment_size", "num_mem_tokens", "backbone"}) {
    Json json = Rmt();
    json.erase(key);
    EXPECT_THAT(ParseModelConfig(json, "/m"),
                StatusIs(kInvalid, HasSubstr(key)));
  }
}

TEST(ModelConfigTest, BadValuesAreNamed) {
  const std::pair<const char*, Json> bad[] = {
      {"segment_size", 0}, {"num_mem_tokens", -1},
      {"version", 0},      {"version", "1.2"},
      {"version", ""},     {"name", ""},
      {"name", "a/b"},     {"tokenizer", "bpe"},
      {"backbone", 7},     {"memory_dtype", "int8"},
      {"name", 3}};
  for (const auto& [key, value] : bad) {
    Json json = Rmt();
    json[key] = value;
    EXPECT_THAT(ParseModelConfig(json, "/m"),
                StatusIs(kInvalid, HasSubstr(key)))
        << value;
  }
}

TEST(ModelConfigTest, ExtraInputsAreDecoderTokensOrNone) {
  Json json = Oracle();
  json["extra_inputs"] = {"decoder_tokens"};
  ASSERT_OK_AND_ASSIGN(const ModelConfig config, ParseModelConfig(json, "/m"));
  EXPECT_THAT(config.extra_inputs, ElementsAre("decoder_tokens"));
  json["extra_inputs"] = {"images"};
  EXPECT_THAT(ParseModelConfig(json, "/m"),
              StatusIs(kInvalid, HasSubstr("images")));
}

TEST(ModelConfigTest, BytesNeedAVocabularyOf256) {
  Json json = Oracle();
  json["tokenizer"] = "bytes";
  EXPECT_THAT(ParseModelConfig(json, "/m"),
              StatusIs(kInvalid, HasSubstr("vocab_size")));
  json["vocab_size"] = 256;
  EXPECT_THAT(ParseModelConfig(json, "/m"), IsOk());
}

TEST(ModelConfigTest, FilesThatAreNoConfigNameTheFile) {
  TestFolder folder;
  EXPECT_THAT(ReadModelConfig(folder.path()),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("config.json")));
  folder.Write("config.json", "{\"architecture\":");
  EXPECT_THAT(ReadModelConfig(folder.path()),
              StatusIs(kInvalid, HasSubstr("config.json is not JSON")));
  folder.Write("config.json", "[]");
  EXPECT_THAT(ReadModelConfig(folder.path()),
              StatusIs(kInvalid, HasSubstr(folder.path())));
}

TEST(ModelConfigTest, ADeeplyNestedBackboneIsRefused) {
  TestFolder folder;
  folder.Write("config.json", R"({"architecture":"rmt","backbone":{"a":)" +
                                  std::string(1 << 19, '[') +
                                  std::string(1 << 19, ']') + "}}");
  EXPECT_THAT(ReadModelConfig(folder.path()),
              StatusIs(kInvalid, AllOf(HasSubstr(folder.File("config.json")),
                                       HasSubstr("nested"))));
}

}  // namespace
}  // namespace mneme
