#include "server/session/session_file.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/session/session_file_example.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
constexpr absl::StatusCode kDataLoss = absl::StatusCode::kDataLoss;
constexpr char kKey[] = "an export key";

// A whole file; "" with a failure when it cannot be made.
std::string FileOf(const SessionManifest& manifest, absl::string_view value,
                   absl::string_view key = kKey) {
  const auto header = EncodeSessionFileHeader(manifest, value, key);
  EXPECT_THAT(header, IsOk());
  return header.ok() ? absl::StrCat(*header, value) : "";
}

std::string ExampleFile() { return FileOf(ExampleManifest(), ExampleValue()); }

bool SameTensors(const std::vector<TensorSpec>& a,
                 const std::vector<TensorSpec>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const TensorSpec& x, const TensorSpec& y) {
                      return x.name == y.name && x.dtype == y.dtype &&
                             x.shape == y.shape;
                    });
}

TEST(SessionFileTest, ParsesWhatWasEncoded) {
  const SessionManifest manifest = ExampleManifest();
  const std::string bytes = ExampleFile();
  ASSERT_OK_AND_ASSIGN(const ParsedSessionFile file,
                       ParseSessionFile(bytes, kKey));
  EXPECT_EQ(file.manifest.handle, manifest.handle);
  EXPECT_EQ(file.manifest.model, manifest.model);
  EXPECT_EQ(file.manifest.fingerprint, manifest.fingerprint);
  EXPECT_EQ(file.manifest.numeric_mode, manifest.numeric_mode);
  EXPECT_EQ(file.manifest.policy, manifest.policy);
  EXPECT_EQ(file.manifest.exported, manifest.exported);
  EXPECT_TRUE(SameTensors(file.manifest.memory, manifest.memory));
  EXPECT_EQ(file.value, ExampleValue());
  EXPECT_EQ(file.value.data() + file.value.size(), bytes.data() + bytes.size());
  EXPECT_TRUE(file.authentic);
}

TEST(SessionFileTest, TheHeaderIsOfWholeWords) {
  for (size_t extra = 0; extra < 8; ++extra) {
    SessionManifest manifest = ExampleManifest();
    manifest.model.append(extra, 'x');
    ASSERT_OK_AND_ASSIGN(
        const std::string header,
        EncodeSessionFileHeader(manifest, ExampleValue(), kKey));
    EXPECT_EQ(header.size() % 8, 0u);
  }
}

// A golden file: what an earlier build exported has to be imported.
TEST(SessionFileTest, TheSameInputGivesTheSameBytesForEver) {
  SessionManifest manifest = ExampleManifest();
  manifest.memory = {{"m", DType::kUint8, {2}}};
  const std::string sevens =
      absl::StrReplaceAll("77777777", {{"7", "07070707"}});
  const std::string header = absl::StrCat(
      R"({"__metadata__":{"digest":")", std::string(64, '9'),
      R"(","exported":"2023-11-14T22:13:20.000001Z","fingerprint":")", sevens,
      R"(","hmac":")"
      "b36fe7f2b6b12660a329eacce11c43f4fca54e73eeb873ec52097c72e1e0e9d4"
      R"(","memory_policy":"RESET","mneme_format":"1",)"
      R"("model":"wiki \"ü\"","numeric_mode":"float32","session_id":"s-1",)"
      R"("sha256":")"
      "6ec0c2381b3a743a64835f019f1545f1b8598bff5eaf6e8edce5fe688843a78c"
      R"(","step":"42"},)"
      R"("m":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}     )");
  EXPECT_EQ(absl::CEscape(FileOf(manifest, "ab")),
            absl::CEscape(RawFile(header, "ab")));
}

TEST(SessionFileTest, ASessionWithoutStepsCanBeExported) {
  SessionManifest manifest = ExampleManifest();
  manifest.handle.step = 0;
  manifest.policy = MemoryPolicy::kCarry;
  const std::string bytes = FileOf(manifest, ExampleValue());
  ASSERT_OK_AND_ASSIGN(const ParsedSessionFile file,
                       ParseSessionFile(bytes, kKey));
  EXPECT_EQ(file.manifest.handle, manifest.handle);
  EXPECT_EQ(file.manifest.policy, MemoryPolicy::kCarry);
}

TEST(SessionFileTest, ScalarsAndTensorsWithoutElementsKeepTheirOrder) {
  SessionManifest manifest = ExampleManifest();
  for (const std::vector<TensorSpec>& memory : {
           std::vector<TensorSpec>{},
           {{"scalar", DType::kUint8, {}}},
           {{"z", DType::kFloat32, {0, 4}}, {"a", DType::kInt64, {3, 0}}},
           {{"z", DType::kFloat32, {0}},
            {"m", DType::kUint8, {1, 1}},
            {"y", DType::kFloat16, {0}},
            {"b", DType::kFloat16, {0}}},
       }) {
    manifest.memory = memory;
    const bool one = !memory.empty() && memory.size() != 2;
    const std::string value(one ? 1 : 0, 'v');
    const std::string bytes = FileOf(manifest, value);
    ASSERT_OK_AND_ASSIGN(const ParsedSessionFile file,
                         ParseSessionFile(bytes, kKey));
    EXPECT_TRUE(SameTensors(file.manifest.memory, memory));
    EXPECT_EQ(file.value, value);
  }
}

TEST(SessionFileTest, EncoderRefusesWhatCouldNotBeParsed) {
  const auto refuses = [](const SessionManifest& manifest,
                          absl::string_view value, absl::string_view what) {
    EXPECT_THAT(EncodeSessionFileHeader(manifest, value, kKey),
                StatusIs(kInvalid, HasSubstr(std::string(what))));
  };
  SessionManifest manifest = ExampleManifest();
  refuses(manifest, ExampleValue() + "x", "the value has");
  refuses(manifest, ExampleValue().substr(1), "the value has");
  manifest.memory = {{"twice", DType::kUint8, {1}},
                     {"twice", DType::kUint8, {1}}};
  refuses(manifest, "ab", "\"twice\" comes twice");
  manifest.memory = {{"__metadata__", DType::kUint8, {1}}};
  refuses(manifest, "a", "__metadata__");
  manifest.memory = {{"m", DType::kUint8, {-1}}};
  refuses(manifest, "a", "impossible shape [-1]");
  manifest.memory = {{"m", DType::kInt64, {INT64_MAX / 8, 2}}};
  refuses(manifest, "a", "impossible shape");
  manifest.memory = {{std::string(2 << 20, 'm'), DType::kUint8, {1}}};
  refuses(manifest, "a", "the header claims");
  manifest = ExampleManifest();
  manifest.model = "\xff";
  refuses(manifest, ExampleValue(), "metadata \"model\"");
  manifest = ExampleManifest();
  manifest.handle.session_id = "a/b";
  refuses(manifest, ExampleValue(), "session_id");
  manifest = ExampleManifest();
  manifest.exported = absl::InfiniteFuture();
  refuses(manifest, ExampleValue(), "exported");
}

TEST(SessionFileTest, OnlyTheKeyThatExportedMakesAFileAuthentic) {
  const std::string with = ExampleFile();
  const std::string without = FileOf(ExampleManifest(), ExampleValue(), "");
  for (const char* key : {"", "another key", "an export key "}) {
    ASSERT_OK_AND_ASSIGN(const ParsedSessionFile file,
                         ParseSessionFile(with, key));
    EXPECT_FALSE(file.authentic) << key;
  }
  ASSERT_OK_AND_ASSIGN(const ParsedSessionFile file,
                       ParseSessionFile(without, kKey));
  EXPECT_FALSE(file.authentic);
  EXPECT_EQ(file.value, ExampleValue());
}

// Bits, spaces to tabs and line ends, letters to capitals, and all at once.
TEST(SessionFileTest, AnyChangedByteIsRefusedExceptInTheHmac) {
  const std::string bytes = ExampleFile();
  const size_t hmac = bytes.find("\"hmac\":\"") + 8;
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (const int change : {1, 2, 4, 8, 16, 32, 64, 128, 41, 42, 45, 255}) {
      std::string changed = bytes;
      changed[i] = static_cast<char>(changed[i] ^ change);
      const auto file = ParseSessionFile(changed, kKey);
      if (file.ok()) {
        EXPECT_TRUE(i >= hmac && i < hmac + 64) << i << " ^ " << change;
        EXPECT_FALSE(file->authentic) << i << " ^ " << change;
        EXPECT_EQ(file->value, ExampleValue());
      } else {
        EXPECT_THAT(file.status().code(), AnyOf(kInvalid, kDataLoss));
      }
    }
  }
}

TEST(SessionFileTest, EveryTruncationAndExtensionIsRefused) {
  const std::string bytes = ExampleFile();
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THAT(ParseSessionFile(bytes.substr(0, size), kKey),
                StatusIs(kDataLoss))
        << size;
  }
  EXPECT_THAT(ParseSessionFile(bytes + '\0', kKey),
              StatusIs(kDataLoss, HasSubstr("1 bytes at the end")));
  EXPECT_THAT(ParseSessionFile(bytes + bytes, kKey), StatusIs(kDataLoss));
}

TEST(SessionFileTest, SaysHowLongAFileIsAsSoonAsItsHeaderHasCome) {
  const std::string bytes = ExampleFile();
  const size_t header = bytes.size() - ExampleValue().size();
  for (size_t size = 0; size <= bytes.size(); ++size) {
    ASSERT_OK_AND_ASSIGN(const auto whole,
                         SessionFileBytes(bytes.substr(0, size)));
    ASSERT_EQ(whole.has_value(), size >= header) << size;
    if (whole.has_value()) {
      EXPECT_EQ(*whole, bytes.size());
    }
  }
}

// A file whose checksum was made by another program and holds.
std::string SignedFile(ManifestFields fields) {
  ManifestFields hashed = fields;
  hashed.erase("hmac");
  const auto number = [](uint64_t n) {
    return std::string(reinterpret_cast<const char*>(&n), sizeof n);
  };
  const auto text = [&](const std::string& s) { return number(s.size()) + s; };
  std::string message = "mneme-session-file-1" + number(hashed.size());
  for (const auto& [name, value] : hashed) message += text(name) + text(value);
  message += number(1) + text("m") + text("U8") + number(1) + number(1) + "d";
  fields["sha256"] = ToHex(Sha256().Update(message).Finish());
  std::string json;
  for (const auto& [name, value] : fields) {
    absl::StrAppend(&json, json.empty() ? "" : ",", "\"", name, "\":\"", value,
                    "\"");
  }
  return RawFile(R"({"m":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                 R"("__metadata__":{)" +
                     json + "}}",
                 "d");
}

TEST(SessionFileTest, TakesAFileThatAnotherProgramWrote) {
  ManifestFields fields = ToFields(PlainManifest());
  fields["note"] = "a field of a later server";
  const std::string bytes = SignedFile(fields);
  ASSERT_OK_AND_ASSIGN(const ParsedSessionFile file,
                       ParseSessionFile(bytes, kKey));
  EXPECT_EQ(file.manifest.handle, PlainManifest().handle);
  EXPECT_FALSE(file.authentic);
}

TEST(SessionFileTest, EveryFieldIsNeeded) {
  for (const auto& [name, value] : ToFields(PlainManifest())) {
    ManifestFields fields = ToFields(PlainManifest());
    fields.erase(name);
    EXPECT_THAT(ParseSessionFile(SignedFile(fields), kKey),
                StatusIs(kInvalid, AllOf(HasSubstr(name + " is missing"),
                                         HasSubstr("expected"))));
  }
  EXPECT_THAT(ParseSessionFile(
                  absl::StrReplaceAll(SignedFile(ToFields(PlainManifest())),
                                      {{"sha256", "sha257"}}),
                  kKey),
              StatusIs(kInvalid, HasSubstr("sha256 is missing")));
}

TEST(SessionFileTest, AGarbledHmacIsNoError) {
  ManifestFields fields = ToFields(PlainManifest());
  for (const char* hmac : {"", "0", "no hex"}) {
    fields["hmac"] = hmac;
    const std::string bytes = SignedFile(fields);
    ASSERT_OK_AND_ASSIGN(const ParsedSessionFile file,
                         ParseSessionFile(bytes, kKey));
    EXPECT_FALSE(file.authentic);
  }
}

}  // namespace
}  // namespace mneme
