#include "model/train/write_model_folder.h"

#include <filesystem>
#include <vector>

#include "model/checkpoint/durable_file.h"
#include "model/checkpoint/safetensors.h"
#include "model/checkpoint/torch_tensor.h"
#include "server/base/status_macros.h"

namespace mneme {

absl::Status WriteModelFolder(const std::string& folder,
                              const nlohmann::json& config,
                              const FlatParameters& parameters,
                              at::ScalarType dtype) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  std::vector<HostTensor> tensors;
  for (const auto& [name, value] : parameters.MasterByName()) {
    const std::string prefix =
        name == kMemoryParameter ? "memory_cell." : "memory_cell.model.";
    tensors.push_back(ToHost(prefix + name, value.to(dtype)));
  }
  RETURN_IF_ERROR(WriteSafetensors(folder + "/model.safetensors", tensors,
                                   {{"format", "pt"}}));
  return WriteDurably(folder + "/config.json", config.dump(1) + "\n");
}

}  // namespace mneme
