#ifndef MNEME_TESTS_PARITY_TEST_FOLDER_H_
#define MNEME_TESTS_PARITY_TEST_FOLDER_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "model/tensor.h"
#include "nlohmann/json.hpp"
#include "tests/testing/temp_folder.h"

namespace mneme {

// A model folder that a test writes, gone with the object.
class TestFolder : public TempFolder {
 public:
  // An empty folder.
  TestFolder() = default;
  // A copy of a bundled golden's config.json and model.safetensors.
  explicit TestFolder(const std::string& golden);

  void Remove(const std::string& name) const;

  nlohmann::json Config() const;
  void WriteConfig(const nlohmann::json& config) const;
  std::vector<HostTensor> Tensors() const;
  void WriteTensors(const std::vector<HostTensor>& tensors) const;
};

// The path of a bundled golden's folder, whatever MNEME_GOLDEN is.
std::string BundledGolden(absl::string_view name);

// A float32 tensor.
HostTensor FloatTensor(std::string name, std::vector<int64_t> shape,
                       const std::vector<float>& values);

}  // namespace mneme

#endif  // MNEME_TESTS_PARITY_TEST_FOLDER_H_
