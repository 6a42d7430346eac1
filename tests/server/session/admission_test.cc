#include "server/session/admission.h"

#include <thread>

#include "server/base/error_info.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

TEST(AdmissionTest, MessagesAreBounded) {
  FakeClock clock;
  Admission admission(2, /*tenant_part=*/0.5, &clock);
  EXPECT_OK(admission.Enter("a"));
  EXPECT_OK(admission.Enter("a"));
  const absl::Status refused = admission.Enter("a");
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(GetErrorInfo(refused).reason, "QUEUE_FULL");
  EXPECT_TRUE(GetErrorInfo(refused).retry_after.has_value());
  EXPECT_EQ(admission.messages(), 2);
  admission.Leave("a");
  EXPECT_OK(admission.Enter("a"));
}

TEST(AdmissionTest, ATenantLeavesRoomForOthers) {
  FakeClock clock;
  Admission admission(4, /*tenant_part=*/0.5, &clock);
  EXPECT_OK(admission.Enter("quiet"));
  EXPECT_OK(admission.Enter("flood"));
  EXPECT_OK(admission.Enter("flood"));
  const absl::Status refused = admission.Enter("flood");
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(GetErrorInfo(refused).metadata.at("tenant_bound"), "2");
  EXPECT_OK(admission.Enter("quiet"));
}

TEST(AdmissionTest, WaitsForWhatHasBegun) {
  FakeClock clock;
  Admission admission(2, /*tenant_part=*/0.5, &clock);
  EXPECT_TRUE(admission.WaitIdle(clock.Monotonic()));
  admission.Begin();
  EXPECT_FALSE(admission.WaitIdle(clock.Monotonic()));
  std::thread end([&] {
    clock.AwaitWaiters(1);
    admission.End();
  });
  EXPECT_TRUE(admission.WaitIdle(absl::InfiniteDuration()));
  end.join();
}

}  // namespace
}  // namespace mneme
