#include "model/train/model_folder.h"

#include <filesystem>
#include <fstream>
#include <map>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

absl::Status WriteFile(const fs::path& path, const std::string& bytes) {
  const fs::path fresh = path.string() + ".new";
  std::ofstream file(fresh, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  std::error_code error;
  if (file) fs::rename(fresh, path, error);
  if (!file || error) {
    return absl::UnavailableError(absl::StrCat("cannot write ", path.string()));
  }
  return absl::OkStatus();
}

std::string Safetensors(const std::map<std::string, at::Tensor>& tensors) {
  json header = {{"__metadata__", {{"format", "pt"}}}};
  std::string data;
  for (const auto& [name, tensor] : tensors) {
    const size_t begin = data.size();
    data.append(static_cast<const char*>(tensor.const_data_ptr()),
                tensor.nbytes());
    header[name] = {
        {"dtype", tensor.scalar_type() == at::kBFloat16 ? "BF16" : "F32"},
        {"shape", tensor.sizes().vec()},
        {"data_offsets", {begin, data.size()}}};
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const auto length = static_cast<uint64_t>(text.size());
  std::string bytes(reinterpret_cast<const char*>(&length), sizeof(length));
  return bytes + text + data;
}

}  // namespace

absl::Status WriteModelFolder(const std::string& folder, const json& config,
                              const FlatParameters& parameters,
                              at::ScalarType dtype) {
  std::error_code error;
  fs::create_directories(folder, error);
  std::map<std::string, at::Tensor> tensors;
  for (const auto& [name, value] : parameters.MasterByName()) {
    const std::string key = name == kMemoryParameter
                                ? std::string("memory_cell.memory")
                                : absl::StrCat("memory_cell.model.", name);
    tensors[key] = value.to(at::kCPU, dtype).contiguous();
  }
  RETURN_IF_ERROR(
      WriteFile(fs::path(folder) / "config.json", config.dump(1) + "\n"));
  return WriteFile(fs::path(folder) / "model.safetensors",
                   Safetensors(tensors));
}

}  // namespace mneme
