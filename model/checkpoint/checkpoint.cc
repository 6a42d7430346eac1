#include "model/checkpoint/checkpoint.h"

#include <filesystem>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "model/checkpoint/json_depth.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

constexpr size_t kMaxJsonBytes = 64 << 20;
constexpr int64_t kMaxJsonLevels = 32;
constexpr char kWeights[] = "model.safetensors";
constexpr char kIndex[] = "model.safetensors.index.json";
constexpr absl::string_view kWrapper = "memory_cell.";
constexpr absl::string_view kWrappedModel = "memory_cell.model.";
constexpr absl::string_view kGpt2Prefix = "transformer.";

bool Exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

absl::Status NoWeights(const std::string& folder) {
  for (const char* name : {"pytorch_model.bin", "pytorch_model.bin.index.json",
                           "model_best.pth", "model.pt", "model.pth"}) {
    if (Exists(absl::StrCat(folder, "/", name))) {
      return absl::UnimplementedError(absl::StrCat(
          folder, "/", name,
          " is a pickle, which can run code when it is read; convert it: "
          "safetensors.torch.save_file(torch.load(path, weights_only=True), "
          "\"model.safetensors\")"));
    }
  }
  return absl::NotFoundError(
      absl::StrCat(folder, " has neither ", kWeights, " nor ", kIndex));
}

// The file of each tensor, by its name.
absl::StatusOr<std::map<std::string, std::string>> ReadIndex(
    const std::string& path) {
  ASSIGN_OR_RETURN(const nlohmann::json index, ReadJsonFile(path));
  const auto map = index.find("weight_map");
  if (map == index.end() || !map->is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": \"weight_map\" is not a JSON object"));
  }
  std::map<std::string, std::string> files;
  for (const auto& [name, file] : map->items()) {
    if (!file.is_string() ||
        absl::StrContains(file.get_ref<const std::string&>(), '/')) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": \"weight_map\" of \"", name, "\" is not a file's name"));
    }
    files[name] = file.get<std::string>();
  }
  return files;
}

absl::StatusOr<StoredTensors> ReadShards(const std::string& folder) {
  const std::string index_path = absl::StrCat(folder, "/", kIndex);
  ASSIGN_OR_RETURN(const auto index, ReadIndex(index_path));
  std::set<std::string> files;
  for (const auto& [name, file] : index) files.insert(file);
  StoredTensors all;
  for (const std::string& file : files) {
    const std::string path = absl::StrCat(folder, "/", file);
    ASSIGN_OR_RETURN(StoredTensors shard, ReadSafetensors(path));
    for (auto& [name, tensor] : shard) {
      const auto it = index.find(name);
      if (it == index.end() || it->second != file) {
        return absl::InvalidArgumentError(absl::StrCat(
            tensor.Describe(), " is not there according to ", index_path));
      }
      all.emplace(name, std::move(tensor));
    }
  }
  for (const auto& [name, file] : index) {
    if (all.count(name) == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor \"", name, "\" is missing in ", folder, "/",
                       file, "; ", kIndex, " lists it"));
    }
  }
  return all;
}

bool IsIgnoredBuffer(absl::string_view key) {
  for (const char* suffix :
       {".attn.bias", ".attn.masked_bias", ".attention.bias",
        ".attention.masked_bias", "rotary_emb.inv_freq"}) {
    if (absl::EndsWith(key, suffix)) return true;
  }
  return false;
}

std::string CanonicalKey(absl::string_view key, bool bare_gpt2) {
  if (key == "memory_cell.memory") return "memory";
  if (absl::ConsumePrefix(&key, kWrappedModel)) return std::string(key);
  return bare_gpt2 && key != "lm_head.weight" ? absl::StrCat(kGpt2Prefix, key)
                                              : std::string(key);
}

// The backbone's "model_type"; "" when it is no string.
std::string FamilyOf(const nlohmann::json& backbone) {
  const auto type = backbone.find("model_type");
  return type != backbone.end() && type->is_string() ? type->get<std::string>()
                                                     : "";
}

bool IsBareGpt2(const StoredTensors& stored, absl::string_view family) {
  return family == "gpt2" && stored.count("wte.weight") > 0;
}

const char* EmbeddingKey(absl::string_view family) {
  if (family == "gpt2") return "transformer.wte.weight";
  if (family == "gpt_neox") return "gpt_neox.embed_in.weight";
  return "model.embed_tokens.weight";
}

bool SameBytes(const StoredTensor& a, const StoredTensor& b) {
  return a.dtype_name == b.dtype_name && a.shape == b.shape && a.data == b.data;
}

// Whether the backbone's head is its embedding when the file has no head.
bool HeadIsTied(const nlohmann::json& backbone, absl::string_view family) {
  const auto it = backbone.find("tie_word_embeddings");
  return it != backbone.end() && it->is_boolean() ? it->get<bool>()
                                                  : family == "gpt2";
}

void DropTiedHead(const nlohmann::json& backbone, absl::string_view family,
                  StoredTensors* tensors) {
  const auto head = tensors->find("lm_head.weight");
  const auto embedding = tensors->find(EmbeddingKey(family));
  if (head != tensors->end() && embedding != tensors->end() &&
      HeadIsTied(backbone, family) &&
      SameBytes(head->second, embedding->second)) {
    tensors->erase(head);
  }
}

}  // namespace

absl::StatusOr<nlohmann::json> ReadJsonFile(const std::string& path) {
  ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  const absl::string_view text = file->bytes();
  if (text.size() > kMaxJsonBytes) {
    return absl::InvalidArgumentError(absl::StrCat(path, " has ", text.size(),
                                                   " bytes; expected at most ",
                                                   kMaxJsonBytes));
  }
  if (NestedDeeperThan(text, kMaxJsonLevels)) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, " is nested deeper than ", kMaxJsonLevels, " levels"));
  }
  nlohmann::json json = nlohmann::json::parse(text.begin(), text.end(), nullptr,
                                              /*allow_exceptions=*/false);
  if (json.is_discarded()) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is not JSON"));
  }
  return json;
}

absl::StatusOr<StoredTensors> ReadCheckpoint(const std::string& folder) {
  const std::string single = absl::StrCat(folder, "/", kWeights);
  if (Exists(single)) return ReadSafetensors(single);
  if (Exists(absl::StrCat(folder, "/", kIndex))) return ReadShards(folder);
  return NoWeights(folder);
}

std::string KeySpelling::KeyOf(absl::string_view name) const {
  if (name == "memory") return absl::StrCat(kWrapper, name);
  if (wrapped) return absl::StrCat(kWrappedModel, name);
  if (bare_gpt2) absl::ConsumePrefix(&name, kGpt2Prefix);
  return std::string(name);
}

KeySpelling SpellingOf(const std::string& folder, const StoredTensors& stored,
                       const nlohmann::json& backbone) {
  KeySpelling spelling;
  const std::string single = absl::StrCat(folder, "/", kWeights);
  spelling.file = Exists(single) ? single : absl::StrCat(folder, "/", kIndex);
  const auto first = stored.lower_bound(std::string(kWrapper));
  spelling.wrapped =
      first != stored.end() && absl::StartsWith(first->first, kWrapper);
  spelling.bare_gpt2 = IsBareGpt2(stored, FamilyOf(backbone));
  return spelling;
}

absl::StatusOr<StoredTensors> CanonicalTensors(const StoredTensors& stored,
                                               const nlohmann::json& backbone) {
  const std::string family = FamilyOf(backbone);
  const bool bare_gpt2 = IsBareGpt2(stored, family);
  StoredTensors tensors;
  for (const auto& [key, tensor] : stored) {
    if (IsIgnoredBuffer(key)) continue;
    std::string name = CanonicalKey(key, bare_gpt2);
    if (name == "embed_out.weight") name = "lm_head.weight";
    if (!tensors.emplace(name, tensor).second) {
      return absl::InvalidArgumentError(absl::StrCat(
          tensor.Describe(), " and another key both mean \"", name, "\""));
    }
  }
  DropTiedHead(backbone, family, &tensors);
  return tensors;
}

}  // namespace mneme
