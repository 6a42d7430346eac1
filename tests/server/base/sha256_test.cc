#include "server/base/sha256.h"

#include <string>

#include "absl/strings/escaping.h"
#include "gtest/gtest.h"

namespace mneme {
namespace {

std::string Hex(const Digest& digest) {
  return absl::BytesToHexString(AsBytes(digest));
}

std::string Sha256Hex(absl::string_view message) {
  return Hex(Sha256().Update(message).Finish());
}

TEST(Sha256Test, GivesTheDigestsOfFips180) {
  EXPECT_EQ(Sha256Hex(""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256Hex("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(
      Sha256Hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(Sha256Hex(std::string(1000000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256Test, DoesNotDependOnHowTheMessageIsCut) {
  const std::string message(1000, 'x');
  const Digest whole = Sha256().Update(message).Finish();
  for (size_t cut : {0u, 1u, 63u, 64u, 65u, 999u, 1000u}) {
    Sha256 sha;
    sha.Update(absl::string_view(message).substr(0, cut));
    sha.Update("");
    sha.Update(absl::string_view(message).substr(cut));
    EXPECT_EQ(sha.Finish(), whole) << "cut at " << cut;
  }
}

TEST(Sha256Test, TakesBytesOfEveryValue) {
  EXPECT_EQ(Sha256Hex(absl::string_view("\0", 1)),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
  EXPECT_NE(Sha256Hex(absl::string_view("a\0b", 3)), Sha256Hex("a"));
}

struct HmacCase {
  std::string key;
  std::string message;
  std::string hex;
};

TEST(HmacSha256Test, GivesTheTagsOfRfc4231) {
  const HmacCase cases[] = {
      {std::string(20, '\x0b'), "Hi There",
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {"Jefe", "what do ya want for nothing?",
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {std::string(20, '\xaa'), std::string(50, '\xdd'),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {absl::HexStringToBytes(
           "0102030405060708090a0b0c0d0e0f10111213141516171819"),
       std::string(50, '\xcd'),
       "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
      {std::string(131, '\xaa'),
       "Test Using Larger Than Block-Size Key - Hash Key First",
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
      {std::string(131, '\xaa'),
       "This is a test using a larger than block-size key and a larger than "
       "block-size data. The key needs to be hashed before being used by the "
       "HMAC algorithm.",
       "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
  };
  for (const HmacCase& c : cases) {
    EXPECT_EQ(Hex(HmacSha256(c.key, c.message)), c.hex) << c.message;
  }
}

TEST(HmacSha256Test, TakesAnEmptyKeyAndAnEmptyMessage) {
  EXPECT_EQ(Hex(HmacSha256("", "")),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(SameInConstantTimeTest, SeesEveryBit) {
  Digest digest;
  digest.fill(0x5a);
  EXPECT_TRUE(SameInConstantTime(digest, Digest(digest)));
  for (size_t bit = 0; bit < 8 * digest.size(); ++bit) {
    Digest other = digest;
    other[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
    EXPECT_FALSE(SameInConstantTime(digest, other)) << "bit " << bit;
  }
}

}  // namespace
}  // namespace mneme
