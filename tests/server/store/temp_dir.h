#ifndef MNEME_TESTS_SERVER_STORE_TEMP_DIR_H_
#define MNEME_TESTS_SERVER_STORE_TEMP_DIR_H_

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "gtest/gtest.h"

namespace mneme {

// A fresh folder, removed with all that is in it at the end of the scope.
class TempDir {
 public:
  TempDir() : path_(::testing::TempDir() + "mneme-store-XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) ADD_FAILURE() << "no " << path_;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace mneme

#endif  // MNEME_TESTS_SERVER_STORE_TEMP_DIR_H_
