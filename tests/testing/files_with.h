#ifndef MNEME_TESTS_TESTING_FILES_WITH_H_
#define MNEME_TESTS_TESTING_FILES_WITH_H_

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/match.h"

namespace mneme {

// The names of the files in the folder, or below it, that have these bytes
// anywhere.
inline std::vector<std::string> FilesWith(const std::string& folder,
                                          const std::string& bytes) {
  std::vector<std::string> names;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(file), {}};
    if (absl::StrContains(content, bytes)) {
      names.push_back(entry.path().filename().string());
    }
  }
  return names;
}

}  // namespace mneme

#endif  // MNEME_TESTS_TESTING_FILES_WITH_H_
