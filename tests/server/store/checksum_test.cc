#include "server/store/checksum.h"

#include "gtest/gtest.h"

namespace mneme {
namespace {

TEST(ChecksumTest, IsXxh3OfOnePart) {
  EXPECT_EQ(Checksum({""}), 0x2d06800538d394c2u);
}

TEST(ChecksumTest, StaysTheSameForever) {
  EXPECT_EQ(Checksum({"key", "bytes"}), Checksum({"key", "bytes"}));
  EXPECT_EQ(Checksum({}), 0u);
}

TEST(ChecksumTest, SeesEveryChange) {
  const uint64_t sum = Checksum({"key", "bytes"});
  EXPECT_NE(sum, Checksum({"key", "bytet"}));
  EXPECT_NE(sum, Checksum({"kez", "bytes"}));
  EXPECT_NE(sum, Checksum({"keyb", "ytes"}));
  EXPECT_NE(sum, Checksum({"bytes", "key"}));
  EXPECT_NE(sum, Checksum({"key", "bytes", ""}));
}

}  // namespace
}  // namespace mneme
