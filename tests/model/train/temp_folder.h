#ifndef MNEME_TESTS_MODEL_TRAIN_TEMP_FOLDER_H_
#define MNEME_TESTS_MODEL_TRAIN_TEMP_FOLDER_H_

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace mneme {

// An empty folder of the running test's own, removed with its content.
class TempFolder {
 public:
  TempFolder() {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    std::string name =
        absl::StrCat(info->test_suite_name(), "_", info->name(), "_XXXXXX");
    std::replace(name.begin(), name.end(), '/', '_');
    path_ = ::testing::TempDir() + "mneme_" + name;
    if (mkdtemp(path_.data()) == nullptr) ADD_FAILURE() << path_;
  }
  ~TempFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  std::string File(const std::string& name) const { return path_ + "/" + name; }

  std::string Write(const std::string& name, const std::string& bytes) const {
    std::ofstream(File(name), std::ios::binary) << bytes;
    return File(name);
  }

  std::string Read(const std::string& name) const {
    std::ifstream file(File(name), std::ios::binary);
    std::ostringstream bytes;
    bytes << file.rdbuf();
    return bytes.str();
  }

 private:
  std::string path_;
};

}  // namespace mneme

#endif  // MNEME_TESTS_MODEL_TRAIN_TEMP_FOLDER_H_
