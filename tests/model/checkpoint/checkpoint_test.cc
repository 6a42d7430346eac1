#include "model/checkpoint/checkpoint.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/checkpoint/fingerprint.h"
#include "tests/parity/test_folder.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::json;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
constexpr char kIndex[] = "model.safetensors.index.json";

std::vector<std::string> Names(const StoredTensors& tensors) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors) names.push_back(name);
  return names;
}

class CheckpointTest : public ::testing::Test {
 protected:
  void WriteShard(const std::string& file,
                  const std::vector<HostTensor>& tensors) {
    ASSERT_THAT(WriteSafetensors(folder_.File(file), tensors), IsOk());
  }
  // Two shards, "a" in the first and "b" in the second.
  void WriteTwoShards() {
    WriteShard("1.safetensors", {a_});
    WriteShard("2.safetensors", {b_});
  }
  void WriteIndex(const Json& map) {
    folder_.Write(kIndex, Json({{"weight_map", map}}).dump());
  }
  // Our names of a checkpoint with these keys.
  std::vector<std::string> Canonical(const std::vector<HostTensor>& tensors,
                                     const Json& backbone) {
    folder_.WriteTensors(tensors);
    const auto stored = ReadCheckpoint(folder_.path());
    EXPECT_THAT(stored, IsOk());
    const auto canonical = CanonicalTensors(*stored, backbone);
    EXPECT_THAT(canonical, IsOk());
    return canonical.ok() ? Names(*canonical) : std::vector<std::string>();
  }

  TestFolder folder_;
  const HostTensor a_ = FloatTensor("a", {1}, {1});
  const HostTensor b_ = FloatTensor("b", {1}, {2});
};

TEST_F(CheckpointTest, ShardsAreOneCheckpoint) {
  WriteTwoShards();
  WriteIndex({{"a", "1.safetensors"}, {"b", "2.safetensors"}});
  ASSERT_OK_AND_ASSIGN(const StoredTensors tensors,
                       ReadCheckpoint(folder_.path()));
  EXPECT_THAT(Names(tensors), ElementsAre("a", "b"));
}

TEST_F(CheckpointTest, ATensorThatTheIndexPutsElsewhereIsNamed) {
  WriteTwoShards();
  WriteIndex({{"a", "2.safetensors"}, {"b", "2.safetensors"}});
  EXPECT_THAT(ReadCheckpoint(folder_.path()),
              StatusIs(kInvalid,
                       AllOf(HasSubstr("\"a\""), HasSubstr("2.safetensors"))));
  WriteIndex({{"a", "1.safetensors"}});
  EXPECT_THAT(ReadCheckpoint(folder_.path()), IsOk());
  WriteShard("1.safetensors", {a_, b_});
  EXPECT_THAT(ReadCheckpoint(folder_.path()),
              StatusIs(kInvalid, HasSubstr("\"b\"")));
}

TEST_F(CheckpointTest, AMissingShardIsNamed) {
  WriteIndex({{"a", "1.safetensors"}});
  EXPECT_THAT(
      ReadCheckpoint(folder_.path()),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("1.safetensors")));
}

TEST_F(CheckpointTest, AnIndexThatIsNoneIsRefused) {
  for (const char* text :
       {"[]", "{}", R"({"weight_map":7})", R"({"weight_map":{"a":7}})",
        R"({"weight_map":{"a":"../secret"}})", "not json"}) {
    folder_.Write(kIndex, text);
    EXPECT_THAT(ReadCheckpoint(folder_.path()),
                StatusIs(kInvalid, HasSubstr(kIndex)))
        << text;
  }
}

TEST_F(CheckpointTest, DeepJsonIsRefusedWithItsFile) {
  const std::string deep =
      std::string(1 << 19, '[') + std::string(1 << 19, ']');
  for (const auto& [name, text] :
       {std::pair<const char*, std::string>(
            "config.json", R"({"architecture":"rmt","x":)" + deep + "}"),
        {"config.json", R"({"architecture":)" + deep + "}"},
        {kIndex, R"({"weight_map":{"a":)" + deep + "}}"}}) {
    folder_.Write(name, text);
    EXPECT_THAT(ReadJsonFile(folder_.File(name)),
                StatusIs(kInvalid, AllOf(HasSubstr(folder_.File(name)),
                                         HasSubstr("nested deeper than 32"))));
  }
}

TEST_F(CheckpointTest, JsonNestedAsDeepAsAllowedIsRead) {
  const std::string deep = std::string(32, '[') + std::string(32, ']');
  folder_.Write("config.json", deep);
  EXPECT_THAT(ReadJsonFile(folder_.File("config.json")), IsOk());
  folder_.Write("config.json", "[" + deep + "]");
  EXPECT_THAT(ReadJsonFile(folder_.File("config.json")), StatusIs(kInvalid));
}

TEST_F(CheckpointTest, PicklesAreRefusedWithHowToConvert) {
  folder_.Write("pytorch_model.bin", "PK");
  EXPECT_THAT(
      ReadCheckpoint(folder_.path()),
      StatusIs(absl::StatusCode::kUnimplemented,
               AllOf(HasSubstr("pytorch_model.bin"), HasSubstr("convert"))));
}

TEST_F(CheckpointTest, AnEmptyFolderSaysWhatItLacks) {
  EXPECT_THAT(ReadCheckpoint(folder_.path()),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr(folder_.path()),
                             HasSubstr("model.safetensors"))));
}

TEST_F(CheckpointTest, WrapperPrefixesGoAndLlamasOwnStay) {
  EXPECT_THAT(
      Canonical({FloatTensor("memory_cell.memory", {1}, {1}),
                 FloatTensor("memory_cell.model.model.norm.weight", {1}, {1})},
                {{"model_type", "llama"}}),
      ElementsAre("memory", "model.norm.weight"));
  EXPECT_THAT(Canonical({FloatTensor("model.norm.weight", {1}, {1})},
                        {{"model_type", "llama"}}),
              ElementsAre("model.norm.weight"));
}

TEST_F(CheckpointTest, Gpt2sOwnFileGetsItsPrefix) {
  EXPECT_THAT(
      Canonical({FloatTensor("wte.weight", {1}, {1}),
                 FloatTensor("h.0.ln_1.bias", {1}, {1}),
                 FloatTensor("h.0.attn.bias", {1}, {1})},
                {{"model_type", "gpt2"}}),
      ElementsAre("transformer.h.0.ln_1.bias", "transformer.wte.weight"));
}

TEST_F(CheckpointTest, OldBuffersAreDroppedAndBiasesAreNot) {
  EXPECT_THAT(Canonical({FloatTensor("l.attn.bias", {1}, {1}),
                         FloatTensor("l.attn.masked_bias", {1}, {1}),
                         FloatTensor("l.attention.bias", {1}, {1}),
                         FloatTensor("l.attention.masked_bias", {1}, {1}),
                         FloatTensor("l.rotary_emb.inv_freq", {1}, {1}),
                         FloatTensor("l.attn.c_attn.bias", {1}, {1}),
                         FloatTensor("l.attention.dense.bias", {1}, {1})},
                        {{"model_type", "gpt_neox"}}),
              ElementsAre("l.attention.dense.bias", "l.attn.c_attn.bias"));
}

TEST_F(CheckpointTest, EmbedOutIsTheHead) {
  EXPECT_THAT(
      Canonical({FloatTensor("memory_cell.model.embed_out.weight", {1}, {1})},
                {{"model_type", "gpt_neox"}}),
      ElementsAre("lm_head.weight"));
}

TEST_F(CheckpointTest, ATiedHeadIsDroppedOnlyWhenItIsTheEmbedding) {
  const HostTensor embedding =
      FloatTensor("model.embed_tokens.weight", {1}, {1});
  const HostTensor same = FloatTensor("lm_head.weight", {1}, {1});
  const HostTensor other = FloatTensor("lm_head.weight", {1}, {2});
  const Json tied = {{"model_type", "llama"}, {"tie_word_embeddings", true}};
  const Json apart = {{"model_type", "llama"}, {"tie_word_embeddings", false}};
  EXPECT_THAT(Canonical({embedding, same}, tied),
              ElementsAre("model.embed_tokens.weight"));
  EXPECT_THAT(Canonical({embedding, other}, tied),
              ElementsAre("lm_head.weight", "model.embed_tokens.weight"));
  EXPECT_THAT(Canonical({embedding, same}, apart),
              ElementsAre("lm_head.weight", "model.embed_tokens.weight"));
}

TEST_F(CheckpointTest, TwoKeysOfOneTensorAreRefused) {
  folder_.WriteTensors({FloatTensor("memory_cell.model.x", {1}, {1}),
                        FloatTensor("x", {1}, {1})});
  ASSERT_OK_AND_ASSIGN(const auto stored, ReadCheckpoint(folder_.path()));
  EXPECT_THAT(CanonicalTensors(stored, {{"model_type", "llama"}}),
              StatusIs(kInvalid, HasSubstr("both mean \"x\"")));
}

TEST_F(CheckpointTest, FingerprintSeesNamesDTypesShapesBytesAndConfig) {
  const auto fingerprint = [this](const std::string& config,
                                  const HostTensor& tensor) {
    folder_.WriteTensors({tensor});
    return Fingerprint(config, *ReadCheckpoint(folder_.path()));
  };
  const HostTensor base = FloatTensor("x", {2, 1}, {1, 2});
  HostTensor name = base, shape = base, dtype = base, bytes = base;
  name.name = "y";
  shape.shape = {1, 2};
  dtype.dtype = DType::kInt32;
  bytes.data[0] = 1;
  const Digest expected = fingerprint("c", base);
  EXPECT_EQ(fingerprint("c", base), expected);
  EXPECT_NE(fingerprint("d", base), expected);
  for (const HostTensor& changed : {name, shape, dtype, bytes}) {
    EXPECT_NE(fingerprint("c", changed), expected);
  }
}

TEST_F(CheckpointTest, FingerprintDoesNotSeeShards) {
  folder_.WriteTensors({a_, b_});
  const Digest whole = Fingerprint("c", *ReadCheckpoint(folder_.path()));
  folder_.Remove("model.safetensors");
  WriteTwoShards();
  WriteIndex({{"a", "1.safetensors"}, {"b", "2.safetensors"}});
  EXPECT_EQ(Fingerprint("c", *ReadCheckpoint(folder_.path())), whole);
}

}  // namespace
}  // namespace mneme
