#include <sys/resource.h>

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/load_model.h"
#include "tests/parity/test_folder.h"
#include "tests/testing/status_matchers.h"

// The ways to spell a config that are one model, and those that are another.

namespace mneme {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Json = nlohmann::json;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
constexpr char kHead[] = "memory_cell.model.lm_head.weight";

// The most memory that this process ever had.
int64_t PeakKilobytes() {
  struct rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

// Both spellings of transformers give one model.
TEST(LoadModelSpellingTest, Transformers4AndTransformers5AreRead) {
  TestFolder folder("rmt_llama3_rope");
  ASSERT_OK_AND_ASSIGN(const auto five, LoadModel(folder.path(), {}));
  Json config = folder.Config();
  Json scaling = config["backbone"]["rope_parameters"];
  config["backbone"].erase("rope_parameters");
  config["backbone"]["rope_theta"] = scaling["rope_theta"];
  scaling.erase("rope_theta");
  config["backbone"]["rope_scaling"] = scaling;
  folder.WriteConfig(config);
  ASSERT_OK_AND_ASSIGN(const auto four, LoadModel(folder.path(), {}));
  EXPECT_EQ(four->spec().fingerprint, five->spec().fingerprint);
}

TEST(LoadModelSpellingTest, NeoxOfTransformers4IsRead) {
  TestFolder folder("rmt_gpt_neox");
  ASSERT_OK_AND_ASSIGN(const auto five, LoadModel(folder.path(), {}));
  Json config = folder.Config();
  config["backbone"].erase("rope_parameters");
  config["backbone"]["rotary_pct"] = 0.25;
  config["backbone"]["rotary_emb_base"] = 10000;
  folder.WriteConfig(config);
  std::vector<HostTensor> tensors = folder.Tensors();
  for (HostTensor& tensor : tensors) {
    if (tensor.name == kHead) {
      tensor.name = "memory_cell.model.embed_out.weight";
    }
  }
  folder.WriteTensors(tensors);
  ASSERT_OK_AND_ASSIGN(const auto four, LoadModel(folder.path(), {}));
  EXPECT_EQ(four->spec().fingerprint, five->spec().fingerprint);
}

TEST(LoadModelSpellingTest, UnknownRopeTypeIsNamed) {
  TestFolder folder("rmt_llama");
  Json config = folder.Config();
  config["backbone"]["rope_parameters"]["rope_type"] = "yarn";
  folder.WriteConfig(config);
  EXPECT_THAT(LoadModel(folder.path(), {}),
              StatusIs(kInvalid,
                       AllOf(HasSubstr("rope_parameters"), HasSubstr("yarn"))));
}

// Tables over positions are made for the rows that a step can have, so that a
// config cannot fill memory by a number.
TEST(LoadModelPositionsTest, ClaimedPositionsCostNothing) {
  for (const char* golden : {"rmt_llama", "rmt_gpt_neox"}) {
    const TestFolder folder(golden);
    Json config = folder.Config();
    config["backbone"]["max_position_embeddings"] = 2147483647;
    folder.WriteConfig(config);
    const int64_t before = PeakKilobytes();
    ASSERT_OK_AND_ASSIGN(const auto model, LoadModel(folder.path(), {}));
    EXPECT_LT(PeakKilobytes() - before, 64 << 10);
  }
}

TEST(LoadModelPositionsTest, TooFewAreRefusedBeforeWeightsAreRead) {
  const TestFolder folder("rmt_llama");
  Json config = folder.Config();
  config["backbone"]["max_position_embeddings"] = 8;
  folder.WriteConfig(config);
  folder.Remove("model.safetensors");
  EXPECT_THAT(
      LoadModel(folder.path(), {}),
      StatusIs(kInvalid,
               AllOf(HasSubstr(folder.File("config.json: \"segment_size\"")),
                     HasSubstr("8 positions"))));
}

// The fingerprint of a golden's folder with this in its backbone's config.
Digest FingerprintWith(const char* golden, const std::string& key,
                       const Json& value) {
  const TestFolder folder(golden);
  Json config = folder.Config();
  config["backbone"][key] = value;
  folder.WriteConfig(config);
  const auto model = LoadModel(folder.path(), {});
  EXPECT_THAT(model, IsOk());
  return model.ok() ? (*model)->spec().fingerprint : Digest{};
}

TEST(LoadModelFingerprintTest, PositionsThatChangeNoResultDoNotCount) {
  for (const char* golden : {"rmt_llama", "rmt_gpt_neox"}) {
    EXPECT_EQ(FingerprintWith(golden, "max_position_embeddings", 64),
              FingerprintWith(golden, "max_position_embeddings", 128));
  }
}

TEST(LoadModelFingerprintTest, ActivationsCountAsWhatTheyCompute) {
  for (const char* golden : {"rmt_llama", "rmt_gpt_neox"}) {
    EXPECT_NE(FingerprintWith(golden, "hidden_act", "silu"),
              FingerprintWith(golden, "hidden_act", "relu"));
    EXPECT_EQ(FingerprintWith(golden, "hidden_act", "silu"),
              FingerprintWith(golden, "hidden_act", "swish"));
  }
  EXPECT_NE(FingerprintWith("rmt_gpt2", "activation_function", "gelu"),
            FingerprintWith("rmt_gpt2", "activation_function", "gelu_new"));
}

}  // namespace
}  // namespace mneme
