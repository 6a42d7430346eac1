#ifndef MNEME_TESTS_CLIENT_CLI_TEMP_FOLDER_H_
#define MNEME_TESTS_CLIENT_CLI_TEMP_FOLDER_H_

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "gtest/gtest.h"

namespace mneme::testing {

// A folder of its own for one test, removed with all in it at the end.
class TempFolder {
 public:
  TempFolder() {
    std::string path = ::testing::TempDir() + "/mneme-cli-XXXXXX";
    path_ = mkdtemp(path.data()) != nullptr ? path : "";
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  std::string Path(const std::string& name) const { return path_ + "/" + name; }

  // Makes a file with these bytes; its path.
  std::string Write(const std::string& name, const std::string& bytes) const {
    std::ofstream(Path(name), std::ios::binary) << bytes;
    return Path(name);
  }

  static std::string Read(const std::string& path) {
    std::stringstream bytes;
    bytes << std::ifstream(path, std::ios::binary).rdbuf();
    return bytes.str();
  }

 private:
  std::string path_;
};

}  // namespace mneme::testing

#endif  // MNEME_TESTS_CLIENT_CLI_TEMP_FOLDER_H_
