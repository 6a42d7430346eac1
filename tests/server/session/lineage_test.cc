#include "server/session/lineage.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "gtest/gtest.h"

namespace mneme {
namespace {

TEST(LineageTest, AgreesWithTheVectorsBesideTheProto) {
  std::ifstream file(MNEME_SOURCE_DIR "/proto/mneme/v1/lineage_vectors.json");
  ASSERT_TRUE(file.is_open());
  const auto vectors = nlohmann::json::parse(file);
  ASSERT_GE(vectors["cases"].size(), 4u);
  for (const auto& vector : vectors["cases"]) {
    const auto unhex = [&](const char* key) {
      return absl::HexStringToBytes(vector[key].get<std::string>());
    };
    Digest fingerprint;
    const std::string bytes = unhex("fingerprint");
    std::copy(bytes.begin(), bytes.end(), fingerprint.begin());
    Digest digest = InitialDigest(unhex("tenant_key"), fingerprint);
    auto expected = vector["digests"].begin();
    EXPECT_EQ(absl::BytesToHexString(AsBytes(digest)),
              expected++->get<std::string>());
    for (const auto& step : vector["steps"]) {
      const auto tokens = step["tokens"].get<std::vector<int32_t>>();
      digest = NextDigest(digest, tokens, step["flags"].get<uint32_t>());
      EXPECT_EQ(absl::BytesToHexString(AsBytes(digest)),
                expected++->get<std::string>())
          << vector["name"];
    }
  }
}

}  // namespace
}  // namespace mneme
