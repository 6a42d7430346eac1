#include "server/guard/tenant.h"

#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(TenantTest, IsTheDefaultWithoutTrustWhateverTheHeaderSays) {
  EXPECT_THAT(TenantOf({}, absl::nullopt), IsOkAndHolds("default"));
  EXPECT_THAT(TenantOf({}, "acme"), IsOkAndHolds("default"));
  EXPECT_THAT(TenantOf({}, "not a tenant"), IsOkAndHolds("default"));
}

TEST(TenantTest, IsTheHeaderWhereItIsTrusted) {
  const TenantPolicy trusting{.trust_header = true};
  EXPECT_THAT(TenantOf(trusting, "acme-1.B_c"), IsOkAndHolds("acme-1.B_c"));
  EXPECT_THAT(TenantOf(trusting, std::string(64, 'a')),
              IsOkAndHolds(std::string(64, 'a')));
  EXPECT_THAT(TenantOf(trusting, absl::nullopt), IsOkAndHolds("default"));
}

TEST(TenantTest, RefusesNamesThatNoTenantHas) {
  const TenantPolicy trusting{.trust_header = true};
  for (const std::string& name :
       {std::string(), std::string("a b"), std::string("a/b"),
        std::string("\0", 1), std::string(65, 'a'), std::string("\xc3\xa9")}) {
    EXPECT_THAT(
        TenantOf(trusting, name),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 AllOf(HasSubstr("mneme-tenant"), HasSubstr("1 to 64"))))
        << name;
  }
}

}  // namespace
}  // namespace mneme
