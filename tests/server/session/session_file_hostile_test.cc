// What anyone may send as an exported session file.

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/session/session_file.h"
#include "tests/server/session/session_file_example.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
constexpr absl::StatusCode kDataLoss = absl::StatusCode::kDataLoss;
constexpr char kKey[] = "an export key";

TEST(HostileSessionFileTest, WhatIsNoSafetensorsFileIsRefusedAsSuch) {
  for (const char* text : {"PK\x03\x04 an archive", "a text of some length"}) {
    EXPECT_THAT(ParseSessionFile(text, kKey),
                StatusIs(kInvalid, HasSubstr("expected a safetensors file")));
    EXPECT_THAT(SessionFileBytes(text), StatusIs(kInvalid));
  }
}

TEST(HostileSessionFileTest, AModelsWeightsAreNoSession) {
  const std::string bytes = RawFile(
      R"({"w":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}})", "12345678");
  EXPECT_THAT(ParseSessionFile(bytes, kKey),
              StatusIs(kInvalid, HasSubstr("mneme_format is missing")));
  EXPECT_THAT(SessionFileBytes(bytes),
              StatusIs(kInvalid, HasSubstr("mneme_format is missing")));
}

// Headers that a client could send to make the server believe, overflow, fill
// its memory or crash.
TEST(HostileSessionFileTest, HostileHeadersAreRefused) {
  const std::string entry =
      R"({"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  const std::string deep(1 << 19, '[');
  for (const std::string& header : {
           std::string("{"),
           std::string("{}x"),
           R"({"m":)" + deep,
           absl::StrCat(R"({"m":)", entry, R"(,"m":)", entry, "}"),
           R"({"__metadata__":{"step":"1","step":"2"},"m":)" + entry + "}",
           R"({"__metadata__":7,"m":)" + entry + "}",
           R"({"__metadata__":{"mneme_format":1},"m":)" + entry + "}",
           absl::StrReplaceAll("{'m':@,'n':@}", {{"'", "\""}, {"@", entry}}),
       }) {
    EXPECT_THAT(ParseSessionFile(RawFile(header, "d"), kKey),
                StatusIs(kDataLoss))
        << header.substr(0, 80);
    EXPECT_THAT(SessionFileBytes(RawFile(header, "")), StatusIs(kDataLoss))
        << header.substr(0, 80);
  }
}

TEST(HostileSessionFileTest, HostileTensorsAreRefused) {
  for (
      const char* entry : {
          R"({"dtype":"U8","shape":[-1],"data_offsets":[0,1]})",
          R"({"dtype":"U8","shape":[1],"data_offsets":[-1,0]})",
          R"({"dtype":"U8","shape":[1],"data_offsets":[1,0]})",
          R"({"dtype":"U8","shape":[1],"data_offsets":[1,2]})",
          R"({"dtype":"U8","shape":[1.0],"data_offsets":[0,1]})",
          R"({"dtype":"F32","shape":[1],"data_offsets":[0,1]})",
          R"({"dtype":"U8","shape":[1e30],"data_offsets":[0,1]})",
          R"({"dtype":"I64","shape":[2305843009213693952],"data_offsets":[0,0]})",
          R"({"dtype":"I64","shape":[4294967296,4294967296],"data_offsets":[0,0]})",
          // NOLINTBEGIN(bugprone-suspicious-missing-comma)
          R"({"dtype":"U8","shape":[18446744073709551615],)"
          R"("data_offsets":[0,18446744073709551615]})",
          R"({"dtype":"U8","shape":[0,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],)"
          R"("data_offsets":[0,0]})",
          // NOLINTEND(bugprone-suspicious-missing-comma)
      }) {
    const std::string bytes = RawFile(absl::StrCat("{\"m\":", entry, "}"), "d");
    EXPECT_THAT(ParseSessionFile(bytes, kKey), StatusIs(kDataLoss)) << entry;
    EXPECT_THAT(SessionFileBytes(bytes), StatusIs(kDataLoss)) << entry;
  }
}

TEST(HostileSessionFileTest, ErrorsStayShortWhateverTheHeaderNames) {
  const std::string name(900'000, 'n');
  for (const char* entry :
       {"7", "{\"dtype\":\"@\",\"shape\":[],\"data_offsets\":[0,1]}",
        "{\"dtype\":\"U8\",\"shape\":[\"@\"],\"data_offsets\":[0,1]}"}) {
    const std::string filled =
        absl::StrReplaceAll(entry, {{"@", std::string(100'000, 'x')}});
    const std::string bytes =
        RawFile(absl::StrCat("{\"", name, "\":", filled, "}"), "d");
    const auto file = ParseSessionFile(bytes, kKey);
    ASSERT_FALSE(file.ok());
    EXPECT_LT(file.status().message().size(), 1000u);
  }
}

TEST(HostileSessionFileTest, AHugeFileIsSeenFromItsHeader) {
  const std::string header =
      R"({"__metadata__":{"mneme_format":"1"},"m":{"dtype":"U8",)"
      R"("shape":[9000000000000000000],)"
      R"("data_offsets":[0,9000000000000000000]}})";
  ASSERT_OK_AND_ASSIGN(const auto size, SessionFileBytes(RawFile(header, "")));
  EXPECT_EQ(size, 9'000'000'000'000'000'000u + 8 + header.size());
}

TEST(HostileSessionFileTest, AHeaderThatIsTooLongIsRefusedFromItsLength) {
  const std::string length("\x01\x00\x10\x00\x00\x00\x00\x00{", 9);
  EXPECT_THAT(SessionFileBytes(length),
              StatusIs(kDataLoss, HasSubstr("at most 1048576")));
  EXPECT_THAT(ParseSessionFile(length + std::string(2 << 20, ' '), kKey),
              StatusIs(kDataLoss, HasSubstr("at most 1048576")));
}

}  // namespace
}  // namespace mneme
