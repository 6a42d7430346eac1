#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/session/session_file.h"
#include "tests/server/session/session_file_example.h"
#include "tests/testing/child_process.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_folder.h"

namespace mneme {
namespace {

// What session_file_test.py prints of a file, after it has checked both sums.
std::string PythonReads(const std::string& bytes, const std::string& key) {
  const TempFolder folder;
  const std::string path = folder.Write("session.safetensors", bytes);
  ChildProcess python(MNEME_VENV_PYTHON,
                      {"-B",
                       absl::StrCat(MNEME_SOURCE_DIR, "/tests/server/session/",
                                    "session_file_test.py"),
                       path, key});
  std::string output = python.ReadAll();
  EXPECT_EQ(python.Wait(), 0)
      << output << "\n(deploy/setup installs what it imports)";
  return output;
}

TEST(SessionFilePythonTest, TheSafetensorsPackageOpensAFile) {
  const SessionManifest manifest = ExampleManifest();
  const std::string value = ExampleValue();
  ASSERT_OK_AND_ASSIGN(const std::string header,
                       EncodeSessionFileHeader(manifest, value, "a key"));
  EXPECT_EQ(PythonReads(header + value, "a key"),
            "u8 U8 [3] 000102 [0, 1, 2]\n"
            "memory F32 [1, 2, 2] 030405060708090a0b0c0d0e0f101112\n"
            "empty F32 [0, 4]  []\n"
            "bf16 BF16 [2] 13141516\n"
            "f16 F16 [1, 2] 1718191a\n"
            "seen I64 [] 1b1c1d1e1f202122 2459282189542300699\n"
            "i32 I32 [1] 23242526 [639968291]\n"
            "model wiki \"ü\"\n"
            "handle s-1/42/" +
                std::string(64, '9') +
                "\n"
                "exported 2023-11-14T22:13:20.000001+00:00\n"
                "sha256 holds\n"
                "hmac holds\n");
}

TEST(SessionFilePythonTest, AValueWithoutTensorsOpensToo) {
  const SessionManifest manifest = PlainManifest();
  ASSERT_OK_AND_ASSIGN(const std::string file,
                       EncodeSessionFileHeader(manifest, "", ""));
  EXPECT_THAT(PythonReads(file, ""),
              ::testing::EndsWith("sha256 holds\nno hmac\n"));
}

}  // namespace
}  // namespace mneme
