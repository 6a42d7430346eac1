#include "model/train/placement_flags.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(PlacementFlagsTest, TheCpuComputesInFloat32UnlessTold) {
  ASSERT_OK_AND_ASSIGN(const Placement place, PlacementOfFlags("cpu", "", 0));
  EXPECT_TRUE(place.device.is_cpu());
  EXPECT_EQ(place.compute, at::kFloat);
  ASSERT_OK_AND_ASSIGN(const Placement half,
                       PlacementOfFlags("cpu", "bfloat16", 0));
  EXPECT_EQ(half.compute, at::kBFloat16);
}

TEST(PlacementFlagsTest, ErrorsNameTheFlagItsValueAndWhatWasExpected) {
  EXPECT_THAT(
      PlacementOfFlags("tpu", "", 0),
      StatusIs(kInvalid,
               "--device \"tpu\"; expected \"cpu\", \"cuda\" or \"cuda:N\""));
  EXPECT_THAT(PlacementOfFlags("cpu", "half", 0),
              StatusIs(kInvalid,
                       "--precision \"half\"; expected \"float32\" or "
                       "\"bfloat16\""));
  EXPECT_THAT(PlacementOfFlags("cpu", "", -2),
              StatusIs(kInvalid, "--threads -2; expected 0 or more"));
}

}  // namespace
}  // namespace mneme
