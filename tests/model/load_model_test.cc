#include "model/load_model.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/parity/test_folder.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Json = nlohmann::json;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
constexpr char kNorm[] = "memory_cell.model.transformer.h.1.ln_2.weight";
constexpr char kHead[] = "memory_cell.model.lm_head.weight";

// Breaks a good folder in one way and looks at what LoadModel says.
class LoadModelTest : public ::testing::Test {
 protected:
  absl::Status Load(const ModelOptions& options = {}) {
    return LoadModel(folder_.path(), options).status();
  }
  void EditBackbone(const std::string& key, const Json& value) {
    Json config = folder_.Config();
    config["backbone"][key] = value;
    folder_.WriteConfig(config);
  }
  HostTensor* Find(std::vector<HostTensor>& tensors, const std::string& name) {
    const auto it = std::find_if(
        tensors.begin(), tensors.end(),
        [&name](const HostTensor& tensor) { return tensor.name == name; });
    return it == tensors.end() ? nullptr : &*it;
  }
  // The error after `edit` changed the tensor of that name.
  template <typename Edit>
  absl::Status LoadWith(const std::string& name, const Edit& edit) {
    std::vector<HostTensor> tensors = folder_.Tensors();
    edit(*Find(tensors, name));
    folder_.WriteTensors(tensors);
    return Load();
  }

  TestFolder folder_{"rmt_gpt2"};
};

TEST_F(LoadModelTest, AGoldenFolderLoads) {
  ASSERT_OK_AND_ASSIGN(const auto model, LoadModel(folder_.path(), {}));
  const ModelSpec& spec = model->spec();
  EXPECT_EQ(spec.architecture, "rmt");
  EXPECT_EQ(spec.segment_size, 16);
  EXPECT_EQ(spec.vocab_size, 61);
  EXPECT_EQ(spec.numeric_mode, "float32");
  ASSERT_EQ(spec.memory.size(), 2u);
  EXPECT_EQ(spec.memory[0].name, "memory");
  EXPECT_EQ(spec.memory[0].shape, std::vector<int64_t>({4, 32}));
  EXPECT_EQ(spec.memory[1].name, "last_hidden");
  EXPECT_EQ(spec.memory_bytes(), (4 + 1) * 32 * 4);
}

TEST_F(LoadModelTest, OracleAndNullNeedNoWeights) {
  folder_.Remove("model.safetensors");
  for (const char* family : {"oracle", "null"}) {
    folder_.WriteConfig(
        {{"architecture", family}, {"segment_size", 4}, {"vocab_size", 9}});
    EXPECT_THAT(Load(), IsOk());
  }
}

TEST_F(LoadModelTest, AMissingFolderNamesItsConfig) {
  EXPECT_THAT(LoadModel("/no/such/folder", {}),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("/no/such/folder/config.json")));
}

TEST_F(LoadModelTest, UnknownArchitectureIsNamed) {
  Json config = folder_.Config();
  config["architecture"] = "titans";
  folder_.WriteConfig(config);
  EXPECT_THAT(Load(), StatusIs(kInvalid, AllOf(HasSubstr(folder_.path()),
                                               HasSubstr("titans"))));
}

TEST_F(LoadModelTest, UnknownBackboneFlagAndFamilyAreNamed) {
  EditBackbone("sliding_window", 64);
  EXPECT_THAT(Load(), StatusIs(kInvalid, AllOf(HasSubstr(folder_.path()),
                                               HasSubstr("sliding_window"))));
  EditBackbone("model_type", "mamba");
  EXPECT_THAT(Load(), StatusIs(kInvalid, HasSubstr("mamba")));
}

TEST_F(LoadModelTest, AMissingTensorIsNamedAsInItsFileWithItsShape) {
  for (const auto& [key, shape] :
       {std::pair<const char*, const char*>(kNorm, "[32]"),
        {"memory_cell.memory", "[4, 32]"}}) {
    const TestFolder folder("rmt_gpt2");
    std::vector<HostTensor> tensors = folder.Tensors();
    tensors.erase(tensors.begin() + (Find(tensors, key) - tensors.data()));
    folder.WriteTensors(tensors);
    EXPECT_THAT(
        LoadModel(folder.path(), {}),
        StatusIs(kInvalid, AllOf(HasSubstr(absl::StrCat(
                                     "\"", key, "\" is missing in ",
                                     folder.path(), "/model.safetensors")),
                                 HasSubstr(shape))));
  }
}

// Errors of the config and of sizes have the folder, whatever its name is.
TEST_F(LoadModelTest, TheFolderIsNamedWhereItIsTheCurrentOne) {
  EditBackbone("sliding_window", 64);
  const std::string before = std::filesystem::current_path();
  std::filesystem::current_path(folder_.path());
  const absl::Status unknown = LoadModel(".", {}).status();
  std::filesystem::current_path(before);
  EXPECT_THAT(unknown, StatusIs(kInvalid, HasSubstr("./config.json: backbone: "
                                                    "unknown key")));
}

TEST_F(LoadModelTest, AnExtraTensorIsNamed) {
  std::vector<HostTensor> tensors = folder_.Tensors();
  tensors.push_back(FloatTensor("memory_cell.model.extra", {1}, {0}));
  folder_.WriteTensors(tensors);
  EXPECT_THAT(Load(),
              StatusIs(kInvalid, AllOf(HasSubstr("\"memory_cell.model.extra\""),
                                       HasSubstr("safetensors"))));
}

TEST_F(LoadModelTest, AMisshapenTensorIsNamedWithBothShapes) {
  EXPECT_THAT(
      LoadWith(kNorm,
               [](HostTensor& t) {
                 t.shape = {4, 8};
               }),
      StatusIs(kInvalid, AllOf(HasSubstr("h.1.ln_2.weight"),
                               HasSubstr("[4, 8]"), HasSubstr("[32]"))));
}

TEST_F(LoadModelTest, AMemoryOfAnotherSizeIsNamed) {
  EXPECT_THAT(LoadWith("memory_cell.memory",
                       [](HostTensor& t) {
                         t.shape = {2, 64};
                       }),
              StatusIs(kInvalid, AllOf(HasSubstr("\"memory_cell.memory\""),
                                       HasSubstr("[4, 32]"))));
}

TEST_F(LoadModelTest, AnIntegerTensorIsNamed) {
  EXPECT_THAT(
      LoadWith(kNorm, [](HostTensor& t) { t.dtype = DType::kInt32; }),
      StatusIs(kInvalid, AllOf(HasSubstr("ln_2.weight"), HasSubstr("I32"))));
}

TEST_F(LoadModelTest, ATruncatedFileIsDataLoss) {
  const std::string good = folder_.Read("model.safetensors");
  for (const size_t size : {size_t{5}, good.size() / 2, good.size() - 1}) {
    folder_.Write("model.safetensors", good.substr(0, size));
    EXPECT_THAT(Load(), StatusIs(absl::StatusCode::kDataLoss,
                                 HasSubstr("model.safetensors")));
  }
}

TEST_F(LoadModelTest, SegmentsThatDoNotFitThePositionsAreRefused) {
  Json config = folder_.Config();
  config["segment_size"] = 57;
  folder_.WriteConfig(config);
  EXPECT_THAT(Load(), StatusIs(kInvalid, AllOf(HasSubstr("segment_size"),
                                               HasSubstr("64 positions"))));
}

TEST_F(LoadModelTest, BytesNeedAVocabularyOf256) {
  Json config = folder_.Config();
  config["tokenizer"] = "bytes";
  folder_.WriteConfig(config);
  EXPECT_THAT(Load(), StatusIs(kInvalid, HasSubstr("tokenizer")));
}

TEST_F(LoadModelTest, AnEqualHeadMayBeAbsent) {
  ASSERT_OK_AND_ASSIGN(const auto with, LoadModel(folder_.path(), {}));
  std::vector<HostTensor> tensors = folder_.Tensors();
  tensors.erase(tensors.begin() + (Find(tensors, kHead) - tensors.data()));
  folder_.WriteTensors(tensors);
  ASSERT_OK_AND_ASSIGN(const auto without, LoadModel(folder_.path(), {}));
  EXPECT_EQ(with->spec().fingerprint, without->spec().fingerprint);
}

TEST_F(LoadModelTest, FingerprintSeesWeightsAndConfigButNotTheName) {
  ASSERT_OK_AND_ASSIGN(const auto base, LoadModel(folder_.path(), {}));
  Json config = folder_.Config();
  config["name"] = "another";
  config["version"] = 2;
  folder_.WriteConfig(config);
  ASSERT_OK_AND_ASSIGN(const auto renamed, LoadModel(folder_.path(), {}));
  EXPECT_EQ(base->spec().fingerprint, renamed->spec().fingerprint);
  config["backbone"]["layer_norm_epsilon"] = 1e-6;
  folder_.WriteConfig(config);
  ASSERT_OK_AND_ASSIGN(const auto epsilon, LoadModel(folder_.path(), {}));
  EXPECT_NE(base->spec().fingerprint, epsilon->spec().fingerprint);
}

TEST_F(LoadModelTest, DevicesAndPrecisionsThatAreNoneAreNamed) {
  ModelOptions options;
  options.device = "tpu";
  EXPECT_THAT(Load(options), StatusIs(kInvalid, HasSubstr("tpu")));
  options.device = "cuda:";
  EXPECT_THAT(Load(options), StatusIs(kInvalid, HasSubstr("cuda:")));
  options.device = "cuda:99";
  EXPECT_THAT(Load(options), StatusIs(absl::StatusCode::kFailedPrecondition,
                                      HasSubstr("cuda:99")));
  options.device = "cpu";
  options.precision = "int4";
  EXPECT_THAT(Load(options), StatusIs(kInvalid, HasSubstr("int4")));
  options.precision = "";
  options.cpu_threads = -1;
  EXPECT_THAT(Load(options), StatusIs(kInvalid, HasSubstr("cpu_threads")));
}

TEST_F(LoadModelTest, NumericModeNamesComputeAndResidence) {
  ModelOptions options;
  options.precision = "bfloat16";
  ASSERT_OK_AND_ASSIGN(const auto mixed, LoadModel(folder_.path(), options));
  EXPECT_EQ(mixed->spec().numeric_mode, "bfloat16/float32");
  Json config = folder_.Config();
  config["memory_dtype"] = "bfloat16";
  folder_.WriteConfig(config);
  ASSERT_OK_AND_ASSIGN(const auto pure, LoadModel(folder_.path(), options));
  EXPECT_EQ(pure->spec().numeric_mode, "bfloat16");
  EXPECT_EQ(pure->spec().memory_bytes(), (4 + 1) * 32 * 2);
}

}  // namespace
}  // namespace mneme
