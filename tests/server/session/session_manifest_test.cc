#include "server/session/session_manifest.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/session/session_file_example.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

TEST(SessionManifestTest, FieldsReadAsGoldenTexts) {
  const ManifestFields fields = ToFields(PlainManifest());
  EXPECT_EQ(fields.at("mneme_format"), "1");
  EXPECT_EQ(fields.at("session_id"), "s-1");
  EXPECT_EQ(fields.at("step"), "42");
  EXPECT_EQ(fields.at("digest"), std::string(64, '9'));
  EXPECT_EQ(fields.at("memory_policy"), "RESET");
  EXPECT_EQ(fields.at("exported"), "2023-11-14T22:13:20.000001Z");
  EXPECT_EQ(fields.size(), 9u);
}

TEST(SessionManifestTest, ReadsEachValueBack) {
  SessionManifest manifest = PlainManifest();
  manifest.handle.step = UINT64_MAX;
  manifest.policy = MemoryPolicy::kCarry;
  for (const absl::Time time : {absl::UnixEpoch(), absl::FromUnixSeconds(-1),
                                absl::FromUnixNanos(1'700'000'000'123'456'789),
                                absl::FromUnixSeconds(253'402'300'799)}) {
    manifest.exported = time;
    ASSERT_OK_AND_ASSIGN(const SessionManifest back,
                         ReadFields(ToFields(manifest)));
    EXPECT_EQ(back.handle, manifest.handle);
    EXPECT_EQ(back.policy, manifest.policy);
    EXPECT_EQ(back.exported, time);
  }
}

TEST(SessionManifestTest, OtherSpellingsAreRefusedByField) {
  const std::string hex(62, 'a');
  const struct {
    const char* field;
    std::vector<std::string> texts;
  } cases[] = {
      {"mneme_format", {"", "0", "01", "1.0", " 1", "-1", "x"}},
      {"session_id", {"", "a/b", "a b", std::string(129, 'a'), "é"}},
      {"step", {"", "042", "+42", " 42", "-1", "4e1", "18446744073709551616"}},
      {"digest", {"", hex, hex + "aaa", hex + "aA", hex + "ag", "0x" + hex}},
      {"fingerprint", {"", hex, hex + "a ", hex + "AA"}},
      {"memory_policy", {"", "carry", "CARRY ", "1", "KEEP"}},
      {"exported",
       {"", "now", "infinite-future", "infinite-past", "2023-11-14",
        "2023-11-14T22:13:20", "2023-11-14T22:13:20+00:00",
        "2023-11-14T22:13:20.0Z", "2023-02-30T22:13:20Z",
        "2023-11-14 22:13:20Z", "2023-11-14T22:13:60Z"}},
  };
  for (const auto& [field, texts] : cases) {
    for (const std::string& text : texts) {
      ManifestFields fields = ToFields(PlainManifest());
      fields[field] = text;
      EXPECT_THAT(
          ReadFields(fields),
          StatusIs(kInvalid, AllOf(HasSubstr(field), HasSubstr("expected"))))
          << field << "=" << text;
    }
  }
}

TEST(SessionManifestTest, ANewerFormatIsSaidToBe) {
  ManifestFields fields = {{"mneme_format", "2"}};
  EXPECT_THAT(
      CheckManifestFormat(fields),
      StatusIs(kInvalid, HasSubstr("mneme_format is 2, a newer one; expected "
                                   "1")));
}

TEST(SessionManifestTest, ALongTextIsCutInTheError) {
  ManifestFields fields = ToFields(PlainManifest());
  fields["step"] = std::string(100'000, '7');
  const auto read = ReadFields(fields);
  ASSERT_FALSE(read.ok());
  EXPECT_LT(read.status().message().size(), 300u);
}

}  // namespace
}  // namespace mneme
