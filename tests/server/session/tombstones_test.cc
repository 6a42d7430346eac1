#include "server/session/tombstones.h"

#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/error_info.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Json = nlohmann::json;

constexpr absl::Duration kHour = absl::Hours(1);
constexpr absl::Duration kMicro = absl::Microseconds(1);

SessionKey Key(const std::string& id) { return {"tenant", id}; }

// A session that ended `hours` after some time.
Tombstone Ended(const std::string& id, int64_t hours,
                EndReason reason = EndReason::kIdleTtl) {
  Tombstone tombstone;
  tombstone.key = Key(id);
  tombstone.last = {id, 18446744073709551615ULL, {}};
  tombstone.last.digest.fill(7);
  tombstone.reason = reason;
  tombstone.at = absl::FromUnixMicros(1'700'000'000'000'001) + hours * kHour;
  return tombstone;
}

std::string ToCbor(const Json& json) {
  std::string bytes;
  Json::to_cbor(json, bytes);
  return bytes;
}

// ---- Encoding ----

TEST(TombstoneTest, DecodesWhatWasEncoded) {
  for (const EndReason reason : {EndReason::kIdleTtl, EndReason::kMaxAge,
                                 EndReason::kClosed, EndReason::kEvicted}) {
    const Tombstone tombstone = Ended("s", 0, reason);
    EXPECT_THAT(DecodeTombstone(EncodeTombstone(tombstone)),
                IsOkAndHolds(tombstone));
  }
}

TEST(TombstoneTest, EveryTruncationIsDataLossNotACrash) {
  const std::string bytes = EncodeTombstone(Ended("s", 0));
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THAT(DecodeTombstone(bytes.substr(0, size)),
                StatusIs(absl::StatusCode::kDataLoss));
  }
}

TEST(TombstoneTest, EveryFlippedByteIsReadOrRefused) {
  const std::string bytes = EncodeTombstone(Ended("s", 0));
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string flipped = bytes;
    flipped[i] = static_cast<char>(flipped[i] ^ 0x5a);
    const auto tombstone = DecodeTombstone(flipped);
    if (tombstone.ok()) {
      EXPECT_NE(EndReasonName(tombstone->reason), "unknown");
    }
  }
}

TEST(TombstoneTest, FieldsThatAreMissingOrOfAnotherTypeAreDataLoss) {
  const Json whole = Json::from_cbor(EncodeTombstone(Ended("s", 0)));
  ASSERT_EQ(whole.size(), 7u);
  for (const auto& [field, value] : whole.items()) {
    Json changed = whole;
    changed.erase(field);
    EXPECT_THAT(DecodeTombstone(ToCbor(changed)),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr(field)));
    for (const Json& other :
         {Json(), Json(1.5), Json({{"a", 1}}), Json::array({"x", 1})}) {
      changed[field] = other;
      EXPECT_THAT(DecodeTombstone(ToCbor(changed)),
                  StatusIs(absl::StatusCode::kDataLoss, HasSubstr(field)));
    }
  }
}

TEST(TombstoneTest, ADigestOfAnotherSizeIsDataLoss) {
  Json json = Json::from_cbor(EncodeTombstone(Ended("s", 0)));
  for (const size_t size : {0u, 31u, 33u}) {
    json["digest"] = Json::binary(std::vector<uint8_t>(size));
    EXPECT_THAT(DecodeTombstone(ToCbor(json)),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("digest")));
  }
}

TEST(TombstoneTest, AReasonThatIsNoneIsDataLoss) {
  Json json = Json::from_cbor(EncodeTombstone(Ended("s", 0)));
  for (const int reason : {-1, 0, 5, 257}) {
    json["reason"] = reason;
    EXPECT_THAT(DecodeTombstone(ToCbor(json)),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("reason")));
  }
}

TEST(TombstoneTest, ANewerFormatIsRefusedByItsNumber) {
  Json json = Json::from_cbor(EncodeTombstone(Ended("s", 0)));
  json["format"] = 99;
  EXPECT_THAT(
      DecodeTombstone(ToCbor(json)),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("format 99")));
  json["format"] = 0;
  EXPECT_THAT(DecodeTombstone(ToCbor(json)),
              StatusIs(absl::StatusCode::kDataLoss));
}

// ---- What a caller is told ----

TEST(TombstoneTest, TheErrorNamesTheLastHandleAndTheReason) {
  const Tombstone tombstone = Ended("s", 0, EndReason::kMaxAge);
  const absl::Status status = GoneError(tombstone);
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition,
                               AllOf(HasSubstr("2023-11-14T22:13:20+00:00"),
                                     HasSubstr("max_age"),
                                     HasSubstr(tombstone.last.ToString()))));
  const ErrorInfo info = GetErrorInfo(status);
  EXPECT_EQ(info.reason, "SESSION_EXPIRED");
  EXPECT_THAT(MemoryHandle::Parse(info.metadata.at("last")),
              IsOkAndHolds(tombstone.last));
  EXPECT_EQ(info.metadata.at("reason"), "max_age");
}

TEST(TombstoneTest, EveryReasonHasItsName) {
  EXPECT_EQ(EndReasonName(EndReason::kIdleTtl), "idle_ttl");
  EXPECT_EQ(EndReasonName(EndReason::kMaxAge), "max_age");
  EXPECT_EQ(EndReasonName(EndReason::kClosed), "closed");
  EXPECT_EQ(EndReasonName(EndReason::kEvicted), "evicted");
}

// ---- The table ----

class TombstonesTest : public ::testing::Test {
 protected:
  Tombstones tombstones_{{24 * kHour, 3}};
};

TEST_F(TombstonesTest, FindsWhatWasAdded) {
  const Tombstone tombstone = Ended("s", 0, EndReason::kEvicted);
  EXPECT_EQ(tombstones_.Add(tombstone), std::nullopt);
  EXPECT_EQ(tombstones_.Find(Key("s")), tombstone);
  EXPECT_EQ(tombstones_.Find(Key("t")), std::nullopt);
  EXPECT_EQ(tombstones_.Find({"another tenant", "s"}), std::nullopt);
}

TEST_F(TombstonesTest, ErasesOnlyWhatIsThere) {
  tombstones_.Add(Ended("s", 0));
  EXPECT_FALSE(tombstones_.Erase(Key("t")));
  EXPECT_TRUE(tombstones_.Erase(Key("s")));
  EXPECT_FALSE(tombstones_.Erase(Key("s")));
  EXPECT_EQ(tombstones_.Find(Key("s")), std::nullopt);
  EXPECT_EQ(tombstones_.size(), 0);
}

TEST_F(TombstonesTest, ASecondEndOfASessionReplacesTheFirst) {
  tombstones_.Add(Ended("s", 0));
  const Tombstone second = Ended("s", 30, EndReason::kClosed);
  EXPECT_EQ(tombstones_.Add(second), std::nullopt);
  EXPECT_EQ(tombstones_.size(), 1);
  EXPECT_EQ(tombstones_.Find(Key("s")), second);
  EXPECT_THAT(tombstones_.Prune(Ended("s", 30).at), IsEmpty());
}

TEST_F(TombstonesTest, AboveTheCountTheOldestGoes) {
  tombstones_.Add(Ended("b", 2));
  tombstones_.Add(Ended("a", 1));
  tombstones_.Add(Ended("c", 3));
  EXPECT_EQ(tombstones_.Add(Ended("d", 4)), Key("a"));
  EXPECT_EQ(tombstones_.size(), 3);
  EXPECT_EQ(tombstones_.Find(Key("a")), std::nullopt);
  // One that ended before all that are kept, as recovery may add.
  EXPECT_EQ(tombstones_.Add(Ended("e", 0)), Key("e"));
  EXPECT_EQ(tombstones_.size(), 3);
}

TEST_F(TombstonesTest, ACountOfZeroKeepsNone) {
  Tombstones none({24 * kHour, 0});
  EXPECT_EQ(none.Add(Ended("s", 0)), Key("s"));
  EXPECT_EQ(none.size(), 0);
}

TEST_F(TombstonesTest, PrunesThoseThatWereKeptForTheKeepTime) {
  tombstones_.Add(Ended("c", 2));
  tombstones_.Add(Ended("b", 1));
  tombstones_.Add(Ended("a", 0));
  EXPECT_THAT(tombstones_.Prune(Ended("", 24).at - kMicro), IsEmpty());
  EXPECT_THAT(tombstones_.Prune(Ended("", 25).at),
              ElementsAre(Key("a"), Key("b")));
  EXPECT_EQ(tombstones_.size(), 1);
  EXPECT_THAT(tombstones_.Prune(Ended("", 25).at), IsEmpty());
  EXPECT_NE(tombstones_.Find(Key("c")), std::nullopt);
}

TEST_F(TombstonesTest, AWallClockThatWentBackPrunesNothing) {
  tombstones_.Add(Ended("s", 0));
  EXPECT_THAT(tombstones_.Prune(absl::InfinitePast()), IsEmpty());
  EXPECT_THAT(tombstones_.Prune(Ended("", -1000).at), IsEmpty());
}

TEST_F(TombstonesTest, AnInfiniteKeepTimeKeepsThem) {
  Tombstones forever({absl::InfiniteDuration(), 3});
  forever.Add(Ended("s", 0));
  EXPECT_THAT(forever.Prune(Ended("", 1'000'000).at), IsEmpty());
}

TEST_F(TombstonesTest, KeepsADayByDefault) {
  Tombstones tombstones{TombstoneLimits()};
  tombstones.Add(Ended("s", 0));
  EXPECT_THAT(tombstones.Prune(Ended("", 24).at - kMicro), IsEmpty());
  EXPECT_THAT(tombstones.Prune(Ended("", 24).at), ElementsAre(Key("s")));
}

TEST_F(TombstonesTest, ThreadsAddFindPruneAndErase) {
  constexpr int64_t kEach = 300;
  Tombstones tombstones({24 * kHour, 100});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&tombstones, t] {
      for (int64_t i = 0; i < kEach; ++i) {
        const std::string id = absl::StrCat(t, ".", i);
        tombstones.Add(Ended(id, i));
        tombstones.Find(Key(id));
        if (i % 3 == 0) tombstones.Erase(Key(id));
        tombstones.Prune(Ended("", i).at);
        EXPECT_LE(tombstones.size(), 100);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  tombstones.Prune(absl::InfiniteFuture());
  EXPECT_EQ(tombstones.size(), 0);
}

}  // namespace
}  // namespace mneme
