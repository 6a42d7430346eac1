#include "server/store/entry_format.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/store/store_builders.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::absl::StatusCode;
using ::testing::HasSubstr;

TEST(EntryFormatTest, KeysHaveTheDocumentedBytes) {
  EXPECT_EQ(EntryKey(SessionPrefix({"ten", "id"}), EntryKind::kName, "v"),
            std::string("s\0\0\0\3ten\0\0\0\2idnv", 16));
}

TEST(EntryFormatTest, ParsesWhatItMakes) {
  const ObjectKey key = {{"t", std::string("i\0d", 3)}, "value/0"};
  const auto ref = ParseEntryKey(ObjectEntryKey(key));
  ASSERT_TRUE(ref.has_value());
  EXPECT_EQ(ref->session, key.session);
  EXPECT_EQ(ref->kind, EntryKind::kObject);
  EXPECT_EQ(ref->name, key.name);
}

TEST(EntryFormatTest, RefusesEveryCutKeyAndForeignOnes) {
  const std::string key =
      EntryKey(SessionPrefix({"ten", "id"}), EntryKind::kHead);
  for (size_t size = 0; size < key.size(); ++size) {
    EXPECT_FALSE(ParseEntryKey(key.substr(0, size)).has_value()) << size;
  }
  EXPECT_FALSE(ParseEntryKey(absl::StrCat("x", key.substr(1))).has_value());
  EXPECT_FALSE(ParseEntryKey(SessionPrefix({"ten", "id"}) + "?").has_value());
  EXPECT_FALSE(ParseEntryKey("s\xff\xff\xff\xff...").has_value());
}

TEST(EntryFormatTest, FramesComeBackWhole) {
  const std::string framed = Frame("key", "payload");
  EXPECT_EQ(framed, FrameHeader("key", "payload") + "payload");
  ASSERT_OK_AND_ASSIGN(const auto payload, Unframe("key", framed));
  EXPECT_EQ(payload, "payload");
}

TEST(EntryFormatTest, EveryFlippedBitAndEveryCutIsDataLoss) {
  const std::string framed = Frame("key", "payload");
  for (size_t bit = 0; bit < 8 * framed.size(); ++bit) {
    std::string damaged = framed;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    EXPECT_THAT(Unframe("key", damaged), StatusIs(StatusCode::kDataLoss));
  }
  for (size_t size = 0; size < framed.size(); ++size) {
    EXPECT_THAT(Unframe("key", absl::string_view(framed).substr(0, size)),
                StatusIs(StatusCode::kDataLoss));
  }
}

TEST(EntryFormatTest, AValueUnderAnotherKeyIsDataLoss) {
  EXPECT_THAT(Unframe("kez", Frame("key", "payload")),
              StatusIs(StatusCode::kDataLoss, HasSubstr("checksum")));
}

TEST(EntryFormatTest, ANewerVersionIsNamed) {
  std::string framed = Frame("key", "payload");
  framed[0] = 2;
  EXPECT_THAT(
      Unframe("key", framed),
      StatusIs(StatusCode::kDataLoss, HasSubstr("format version is 2")));
}

TEST(EntryFormatTest, HeadsComeBack) {
  const StoredHead head = {DigestOf("x"), Durability::kAsync};
  ASSERT_OK_AND_ASSIGN(const StoredHead decoded, DecodeHead(EncodeHead(head)));
  EXPECT_EQ(decoded.head, head.head);
  EXPECT_EQ(decoded.durability, head.durability);
}

TEST(EntryFormatTest, AHeadThatIsNoneIsDataLoss) {
  std::string payload = EncodeHead({DigestOf("x"), Durability::kSync});
  EXPECT_THAT(DecodeHead(absl::string_view(payload).substr(1)),
              StatusIs(StatusCode::kDataLoss, HasSubstr("33")));
  payload[0] = static_cast<char>(Durability::kMemory);
  EXPECT_THAT(DecodeHead(payload),
              StatusIs(StatusCode::kDataLoss, HasSubstr("durability 1")));
}

TEST(EntryFormatTest, RecordsComeBackAndShortOnesAreDataLoss) {
  const std::string payload = EncodeRecordEntry(DigestOf("x"), "record");
  ASSERT_OK_AND_ASSIGN(const auto decoded, DecodeRecordEntry(payload));
  EXPECT_EQ(decoded.head, DigestOf("x"));
  EXPECT_EQ(decoded.record, "record");
  EXPECT_THAT(DecodeRecordEntry(absl::string_view(payload).substr(0, 31)),
              StatusIs(StatusCode::kDataLoss));
}

}  // namespace
}  // namespace mneme
