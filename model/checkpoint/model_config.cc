#include "model/checkpoint/model_config.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "model/checkpoint/checkpoint.h"
#include "model/checkpoint/config_reader.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

constexpr const char* kArchitectures[] = {"rmt", "oracle", "null"};
constexpr int64_t kBytesVocab = 256;

std::string FolderName(const std::string& folder) {
  const auto path = std::filesystem::path(folder).lexically_normal();
  return path.has_filename() ? path.filename().string()
                             : path.parent_path().filename().string();
}

bool IsName(absl::string_view name) {
  return !name.empty() && name.size() <= 128 &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  c == '-' || c == '_' || c == '.';
         });
}

// A whole number, or a string of decimal digits.
int64_t ReadVersion(ConfigReader& reader, const nlohmann::json& json) {
  const auto it = json.find("version");
  if (it == json.end() || !it->is_string()) return reader.Int("version", 1);
  const std::string text = reader.String("version", "");
  if (text.empty() || text.size() > 9 ||
      !std::all_of(text.begin(), text.end(), [](char c) {
        return absl::ascii_isdigit(static_cast<unsigned char>(c));
      })) {
    reader.Fail("version", "a decimal number");
    return 1;
  }
  return std::stoll(text);
}

DType ReadMemoryDType(ConfigReader& reader) {
  const std::string name = reader.String("memory_dtype", "float32");
  if (name == "bfloat16") return DType::kBFloat16;
  if (name == "float16") return DType::kFloat16;
  if (name != "float32") {
    reader.Fail("memory_dtype", "float32, bfloat16 or float16");
  }
  return DType::kFloat32;
}

void ReadRmt(ConfigReader& reader, ModelConfig& config) {
  config.num_mem_tokens =
      reader.Int("num_mem_tokens", std::nullopt, 0, 1 << 16);
  config.memory_dtype = ReadMemoryDType(reader);
  config.backbone = reader.Object("backbone", true);
  config.vocab_size = 0;
}

void ReadTokensOnly(ConfigReader& reader, ModelConfig& config) {
  config.vocab_size = reader.Int("vocab_size", std::nullopt);
  if (config.architecture != "oracle") return;
  config.extra_inputs = reader.Strings("extra_inputs");
  for (const std::string& input : config.extra_inputs) {
    if (input != "decoder_tokens" || config.extra_inputs.size() > 1) {
      reader.Fail("extra_inputs", "[] or [\"decoder_tokens\"]");
    }
  }
}

void ReadCommon(ConfigReader& reader, const nlohmann::json& json,
                ModelConfig& config) {
  config.name = reader.String("name", FolderName(config.folder));
  if (!IsName(config.name)) {
    reader.Fail("name", "1 to 128 letters, digits, '-', '_' or '.'");
  }
  config.version = ReadVersion(reader, json);
  config.tokenizer = reader.String("tokenizer", "");
  if (!config.tokenizer.empty() && config.tokenizer != "bytes") {
    reader.Fail("tokenizer", "\"bytes\" or none");
  }
  config.segment_size = reader.Int("segment_size", std::nullopt, 1, 1 << 20);
}

}  // namespace

absl::Span<const char* const> Architectures() { return kArchitectures; }

absl::StatusOr<ModelConfig> ParseModelConfig(const nlohmann::json& json,
                                             const std::string& folder) {
  ConfigReader reader(json, "config.json");
  ModelConfig config;
  config.folder = folder;
  config.architecture = reader.String("architecture", std::nullopt);
  const auto known = Architectures();
  if (std::find(known.begin(), known.end(), config.architecture) ==
      known.end()) {
    reader.Fail("architecture", absl::StrJoin(known, ", "));
    return reader.Finish();
  }
  ReadCommon(reader, json, config);
  if (config.architecture == "rmt") {
    ReadRmt(reader, config);
  } else {
    ReadTokensOnly(reader, config);
    if (config.tokenizer == "bytes" && config.vocab_size < kBytesVocab) {
      reader.Fail("vocab_size", "at least 256 for the tokenizer \"bytes\"");
    }
  }
  RETURN_IF_ERROR(reader.Finish());
  return config;
}

absl::Status InFolder(const std::string& folder, const absl::Status& error) {
  return absl::Status(error.code(), absl::StrCat(folder, "/", error.message()));
}

absl::StatusOr<ModelConfig> ReadModelConfig(const std::string& folder) {
  ASSIGN_OR_RETURN(const nlohmann::json json,
                   ReadJsonFile(absl::StrCat(folder, "/config.json")));
  auto config = ParseModelConfig(json, folder);
  if (config.ok()) return config;
  return InFolder(folder, config.status());
}

}  // namespace mneme
