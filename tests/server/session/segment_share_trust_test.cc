// False bytes under a true digest: a session whose lineage nobody vouches for,
// as one that was imported without proof.

#include "tests/server/session/sharing_fixture.h"

namespace mneme {
namespace {

using ::testing::Each;

class SegmentShareTrustTest : public SharingFixture {
 protected:
  SegmentShareTrustTest() {
    EXPECT_OK(Open("s"));
    EXPECT_OK(Open("t"));
  }

  // Session "u", at the digest of tokens 0 to 3, with other bytes: as if they
  // summed up to `sum`.
  void StoreUntrusted(int64_t sum, bool trusted = false) {
    const ModelSpec& spec = model_.spec();
    SessionRecord record;
    record.root.fill(9);
    record.model = Intern(IdentityOf(spec));
    const Digest initial =
        InitialDigest(std::string(32, '\0'), spec.fingerprint);
    record.retained = {{{1, NextDigest(initial, Range(0, 4), 0)}, 0}};
    record.first_reply = 2;
    record.trusted = trusted;
    Commit commit;
    commit.record = ToStored(Key("u"), Durability::kSync, record);
    commit.values = {{record.head().digest,
                      std::make_shared<const std::string>(
                          reinterpret_cast<const char*>(&sum), sizeof sum)}};
    Stop();
    ASSERT_OK(store_->Apply({commit})[0]);
    Start();
  }

  static int64_t SumFrom(int64_t sum, const std::vector<int32_t>& tokens) {
    for (const int32_t token : tokens) sum = FakeModel::Next(sum, token);
    return sum;
  }

  void ExpectTrue(const std::string& id) {
    const auto answer = Apply(id, 0, 8);
    ASSERT_OK(answer);
    EXPECT_EQ(LastSum(answer), Oracle(Range(0, 8)));
    EXPECT_EQ(Int64s(answer->segments[0].outputs[0]).back(),
              Oracle(Range(0, 4)));
  }
};

TEST_F(SegmentShareTrustTest, TheFalseValueWouldBeSharedIfItWereTrusted) {
  StoreUntrusted(12345, /*trusted=*/true);
  const auto answer = Apply("t", 0, 4, {});
  EXPECT_THAT(SourcesOf(answer), Each(kShared));
  EXPECT_EQ(LastSum(Apply("t", 4, 4)), SumFrom(12345, Range(4, 4)));
}

TEST_F(SegmentShareTrustTest, AnUntrustedValueIsNotTaken) {
  StoreUntrusted(12345);
  const auto answer = Apply("t", 0, 4, {});
  EXPECT_THAT(SourcesOf(answer), Each(kComputed));
  EXPECT_EQ(LastSum(Apply("t", 4, 4)), Oracle(Range(0, 8)));
}

TEST_F(SegmentShareTrustTest, WhatWasComputedFromItIsNotTakenEither) {
  StoreUntrusted(12345);
  EXPECT_EQ(LastSum(Apply("u", 4, 4)), SumFrom(12345, Range(4, 4)));
  ASSERT_OK(Fork("u", "f"));
  EXPECT_EQ(LastSum(Apply("f", 8, 4)), SumFrom(12345, Range(4, 8)));
  EXPECT_EQ(prefixes_->size(), 0);
  ExpectTrue("t");
  Restart();
  EXPECT_EQ(prefixes_->size(), 2) << "those of t";
  ASSERT_OK(Apply("u", 12, 4));
  ASSERT_OK(Apply("f", 12, 4));
  ASSERT_OK(Fork("f", "g"));
  ASSERT_OK(Apply("g", 16, 4));
  EXPECT_EQ(prefixes_->size(), 2);
  ExpectTrue("s");
}

TEST_F(SegmentShareTrustTest, AnUntrustedSessionKeepsToItsOwnBytes) {
  ASSERT_OK(Apply("s", 0, 12));
  StoreUntrusted(12345);
  const auto answer = Apply("u", 4, 8);
  EXPECT_THAT(SourcesOf(answer), Each(kComputed));
  EXPECT_EQ(answer->head.handle.digest, At("s").handle.digest);
  EXPECT_EQ(LastSum(answer), SumFrom(12345, Range(4, 8)));
}

TEST_F(SegmentShareTrustTest, ARollbackMakesItNoMoreTrusted) {
  StoreUntrusted(12345);
  ASSERT_OK(Apply("u", 4, 8));
  ASSERT_OK(Rollback("u", 1));
  ASSERT_OK(Apply("u", 4, 4));
  Restart();
  EXPECT_EQ(prefixes_->size(), 0);
  ExpectTrue("t");
}

}  // namespace
}  // namespace mneme
