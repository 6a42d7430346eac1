#include <string>

#include "gtest/gtest.h"
#include "tests/crash/committer.h"

// GoogleTest's main, and the process that the tests start and kill.
int main(int argc, char** argv) {
  if (argc == 3 && std::string(argv[1]) == "--commit-until-killed") {
    return mneme::CommitUntilKilled(argv[2]);
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
