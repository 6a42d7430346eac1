#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/checkpoint/safetensors.h"
#include "model/load_model.h"
#include "tests/parity/golden_case.h"
#include "tests/parity/test_folder.h"
#include "tests/testing/status_matchers.h"

// Models whose weights lie otherwise than in one file of what is needed.

namespace mneme {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Json = nlohmann::json;

constexpr char kIndex[] = "model.safetensors.index.json";
constexpr char kMissing[] = "memory_cell.model.transformer.h.1.ln_2.weight";

// The memory after one segment, as bytes.
std::string StepBytes(SequenceModel& model) {
  const std::vector<int32_t> tokens = {1, 2, 3, 4, 5};
  StepRow row;
  row.tokens = tokens;
  row.memory = model.InitialMemory();
  row.fresh = true;
  const auto results = model.Step({&row, 1});
  EXPECT_THAT(results, IsOk());
  if (!results.ok()) return "";
  const auto saved = model.Save({&results->front().memory, 1});
  EXPECT_THAT(saved, IsOk());
  return saved.ok() ? saved->front() : "";
}

// Writes the folder's tensors as two shards and their index, without the one
// called `left_out`.
void Shard(const TestFolder& folder, const std::string& left_out = "") {
  std::vector<HostTensor> shards[2];
  Json map = Json::object();
  size_t count = 0;
  for (HostTensor& tensor : folder.Tensors()) {
    if (tensor.name == left_out) continue;
    const size_t shard = count++ % 2;
    map[tensor.name] = absl::StrCat(shard, ".safetensors");
    shards[shard].push_back(std::move(tensor));
  }
  folder.Remove("model.safetensors");
  for (size_t i = 0; i < 2; ++i) {
    ASSERT_THAT(WriteSafetensors(folder.File(absl::StrCat(i, ".safetensors")),
                                 shards[i]),
                IsOk());
  }
  folder.Write(kIndex, Json({{"weight_map", map}}).dump());
}

TEST(LoadFilesTest, AShardedModelIsTheModel) {
  const TestFolder folder("rmt_gpt2");
  ASSERT_OK_AND_ASSIGN(const auto whole, LoadModel(folder.path(), {}));
  Shard(folder);
  ASSERT_OK_AND_ASSIGN(const auto sharded, LoadModel(folder.path(), {}));
  EXPECT_EQ(sharded->spec().fingerprint, whole->spec().fingerprint);
  EXPECT_EQ(StepBytes(*sharded), StepBytes(*whole));
}

TEST(LoadFilesTest, ATensorThatNoShardHasIsNamedWithTheIndex) {
  const TestFolder folder("rmt_gpt2");
  Shard(folder, kMissing);
  EXPECT_THAT(
      LoadModel(folder.path(), {}),
      StatusIs(absl::StatusCode::kInvalidArgument,
               AllOf(HasSubstr(absl::StrCat("\"", kMissing, "\" is missing in ",
                                            folder.File(kIndex))),
                     HasSubstr("[32]"))));
}

// GPT-2's own file knows neither the wrapper nor "transformer.".
TEST(LoadFilesTest, AMissingTensorIsNamedAsTheFileWouldSpellIt) {
  const TestFolder folder("rmt_gpt2");
  Json config = folder.Config();
  config["num_mem_tokens"] = 0;
  folder.WriteConfig(config);
  std::vector<HostTensor> bare;
  for (HostTensor& tensor : folder.Tensors()) {
    if (tensor.name == "memory_cell.memory" || tensor.name == kMissing) {
      continue;
    }
    tensor.name = absl::StrReplaceAll(
        tensor.name,
        {{"memory_cell.model.transformer.", ""}, {"memory_cell.model.", ""}});
    bare.push_back(std::move(tensor));
  }
  folder.WriteTensors(bare);
  EXPECT_THAT(LoadModel(folder.path(), {}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("\"h.1.ln_2.weight\" is missing in ")));
}

// Replaces the dtype of every U8 tensor in the file's header.
void SpellBytesAs(const TestFolder& folder, const std::string& dtype) {
  const std::string file = folder.Read("model.safetensors");
  uint64_t length = 0;
  std::memcpy(&length, file.data(), sizeof(length));
  const std::string header = absl::StrReplaceAll(
      file.substr(8, length), {{"\"U8\"", absl::StrCat("\"", dtype, "\"")}});
  const uint64_t new_length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &new_length, sizeof(new_length));
  folder.Write("model.safetensors",
               absl::StrCat(bytes, header, file.substr(8 + length)));
}

// Old files of transformers carry causal masks as buffers of bytes.
TEST(LoadFilesTest, AttentionMasksAreIgnoredWhateverTheirDType) {
  for (const char* dtype : {"U8", "BOOL"}) {
    const TestFolder folder("rmt_gpt2");
    ASSERT_OK_AND_ASSIGN(const auto without, LoadModel(folder.path(), {}));
    std::vector<HostTensor> tensors = folder.Tensors();
    for (const char* layer : {"0", "1"}) {
      tensors.push_back({absl::StrCat("memory_cell.model.transformer.h.", layer,
                                      ".attn.bias"),
                         DType::kUint8,
                         {1, 1, 64, 64},
                         std::string(64 * 64, '\1')});
    }
    folder.WriteTensors(tensors);
    SpellBytesAs(folder, dtype);
    ASSERT_TRUE(absl::StrContains(folder.Read("model.safetensors"), dtype));
    ASSERT_OK_AND_ASSIGN(const auto with, LoadModel(folder.path(), {}));
    EXPECT_EQ(with->spec().fingerprint, without->spec().fingerprint);
  }
}

}  // namespace
}  // namespace mneme
