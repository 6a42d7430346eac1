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
  const SessionKey session = {"ten", "id"};
  const std::string prefix("s\0\0\0\3ten\0\0\0\2id", 14);
  Root root;
  root.fill('R');
  Digest digest;
  digest.fill('D');
  EXPECT_EQ(RecordEntryKey(session, root),
            absl::StrCat(prefix, "r", std::string(16, 'R')));
  EXPECT_EQ(TombstoneEntryKey(session), prefix + "t");
  EXPECT_EQ(EntryKey(ReplyKey{session, 0x0102}),
            absl::StrCat(prefix, "p", std::string("\0\0\0\0\0\0\1\2", 8)));
  EXPECT_EQ(EntryKey(ValueKey{"ten", root, digest}),
            absl::StrCat(std::string("f\0\0\0\3ten", 8), std::string(16, 'R'),
                         std::string(16, 'D')));
}

TEST(EntryFormatTest, ParsesWhatItMakes) {
  const SessionKey session = {"t", std::string("i\0d", 3)};
  const Root root = RootOf(session);
  const auto record = ParseSessionEntryKey(RecordEntryKey(session, root));
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->session, session);
  EXPECT_EQ(record->root, root);
  const auto tombstone = ParseSessionEntryKey(TombstoneEntryKey(session));
  ASSERT_TRUE(tombstone.has_value());
  EXPECT_EQ(tombstone->session, session);
  EXPECT_EQ(tombstone->root, std::nullopt);
}

TEST(EntryFormatTest, RefusesEveryCutKeyAndForeignOnes) {
  const SessionKey session = {"ten", "id"};
  const std::string key = RecordEntryKey(session, RootOf(session));
  for (size_t size = 0; size < key.size(); ++size) {
    EXPECT_FALSE(ParseSessionEntryKey(key.substr(0, size)).has_value()) << size;
  }
  EXPECT_FALSE(ParseSessionEntryKey(key + "x").has_value());
  EXPECT_FALSE(
      ParseSessionEntryKey(absl::StrCat("x", key.substr(1))).has_value());
  EXPECT_FALSE(ParseSessionEntryKey(SessionPrefix(session) + "?").has_value());
  EXPECT_FALSE(ParseSessionEntryKey("s\xff\xff\xff\xff...").has_value());
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
  framed[0] = 3;
  EXPECT_THAT(
      Unframe("key", framed),
      StatusIs(StatusCode::kDataLoss, HasSubstr("format version is 3")));
}

TEST(EntryFormatTest, RecordsComeBack) {
  const StoredRecord record =
      StepCommit(Session("s"), 1, Durability::kAsync).record;
  ASSERT_OK_AND_ASSIGN(const StoredRecord decoded,
                       DecodeStoredRecord(record.session, record.root,
                                          EncodeStoredRecord(record)));
  EXPECT_EQ(decoded.session, record.session);
  EXPECT_EQ(decoded.root, record.root);
  EXPECT_EQ(decoded.durability, record.durability);
  EXPECT_EQ(decoded.head, record.head);
  EXPECT_EQ(decoded.values, record.values);
  EXPECT_EQ(decoded.replies, record.replies);
  EXPECT_EQ(decoded.bytes, record.bytes);
}

TEST(EntryFormatTest, ARecordThatIsNoneIsDataLoss) {
  StoredRecord record = StepCommit(Session("s"), 1).record;
  record.bytes.clear();
  std::string payload = EncodeStoredRecord(record);
  for (size_t size = 0; size < payload.size(); ++size) {
    EXPECT_THAT(DecodeStoredRecord(record.session, record.root,
                                   absl::string_view(payload).substr(0, size)),
                StatusIs(StatusCode::kDataLoss));
  }
  payload[0] = static_cast<char>(Durability::kMemory);
  EXPECT_THAT(DecodeStoredRecord(record.session, record.root, payload),
              StatusIs(StatusCode::kDataLoss, HasSubstr("durability 1")));
}

}  // namespace
}  // namespace mneme
