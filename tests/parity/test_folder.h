#ifndef MNEME_TESTS_PARITY_TEST_FOLDER_H_
#define MNEME_TESTS_PARITY_TEST_FOLDER_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "model/tensor.h"
#include "nlohmann/json.hpp"

namespace mneme {

// A model folder that a test writes, gone with the object.
class TestFolder {
 public:
  // An empty folder.
  TestFolder();
  // A copy of a bundled golden's config.json and model.safetensors.
  explicit TestFolder(const std::string& golden);
  ~TestFolder();
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string File(absl::string_view name) const;

  void Write(absl::string_view name, absl::string_view bytes) const;
  std::string Read(absl::string_view name) const;
  void Remove(absl::string_view name) const;

  nlohmann::json Config() const;
  void WriteConfig(const nlohmann::json& config) const;
  std::vector<HostTensor> Tensors() const;
  void WriteTensors(const std::vector<HostTensor>& tensors) const;

 private:
  std::string path_;
};

// The path of a bundled golden's folder, whatever MNEME_GOLDEN is.
std::string BundledGolden(absl::string_view name);

// A float32 tensor.
HostTensor FloatTensor(std::string name, std::vector<int64_t> shape,
                       const std::vector<float>& values);

}  // namespace mneme

#endif  // MNEME_TESTS_PARITY_TEST_FOLDER_H_
