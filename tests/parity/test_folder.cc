#include "tests/parity/test_folder.h"

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "model/checkpoint/safetensors.h"

namespace mneme {

TestFolder::TestFolder(const std::string& golden) {
  for (const char* file : {"config.json", "model.safetensors"}) {
    std::filesystem::copy_file(absl::StrCat(BundledGolden(golden), "/", file),
                               File(file));
  }
}

void TestFolder::Remove(const std::string& name) const {
  std::filesystem::remove(File(name));
}

nlohmann::json TestFolder::Config() const {
  return nlohmann::json::parse(Read("config.json"));
}

void TestFolder::WriteConfig(const nlohmann::json& config) const {
  Write("config.json", config.dump());
}

std::vector<HostTensor> TestFolder::Tensors() const {
  std::vector<HostTensor> tensors;
  const auto stored = ReadSafetensors(File("model.safetensors"));
  EXPECT_TRUE(stored.ok()) << stored.status();
  if (!stored.ok()) return tensors;
  for (const auto& [name, tensor] : *stored) {
    tensors.push_back(
        {name, *tensor.dtype, tensor.shape, std::string(tensor.data)});
  }
  return tensors;
}

void TestFolder::WriteTensors(const std::vector<HostTensor>& tensors) const {
  const absl::Status status =
      WriteSafetensors(File("model.safetensors"), tensors);
  EXPECT_TRUE(status.ok()) << status;
}

std::string BundledGolden(absl::string_view name) {
  return absl::StrCat(MNEME_BUNDLED_GOLDEN, "/", name);
}

HostTensor FloatTensor(std::string name, std::vector<int64_t> shape,
                       const std::vector<float>& values) {
  return {std::move(name), DType::kFloat32, std::move(shape),
          std::string(reinterpret_cast<const char*>(values.data()),
                      values.size() * sizeof(float))};
}

}  // namespace mneme
