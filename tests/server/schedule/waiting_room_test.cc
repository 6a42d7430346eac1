#include "server/schedule/waiting_room.h"

#include "server/base/error_info.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::testing::HasSubstr;

constexpr auto kExhausted = absl::StatusCode::kResourceExhausted;

TEST(WaitingRoomTest, PlacesAreBoundedAndUsedAgain) {
  WaitingRoom room({.places = 2});
  EXPECT_OK(room.Enter("a"));
  EXPECT_OK(room.Enter("a"));
  const absl::Status full = room.Enter("a");
  EXPECT_THAT(full, StatusIs(kExhausted,
                             "the server's queue is full: 2 segments wait"));
  EXPECT_EQ(GetErrorInfo(full).reason, "QUEUE_FULL");
  EXPECT_TRUE(GetErrorInfo(full).retry_after.has_value());
  EXPECT_EQ(room.size(), 2);
  room.Leave("a");
  EXPECT_OK(room.Enter("a"));
}

TEST(WaitingRoomTest, ATenantHasItsPartOnceThereIsAnother) {
  WaitingRoom room({.places = 10, .tenant_part = 0.5});
  for (int i = 0; i < 9; ++i) EXPECT_OK(room.Enter("flood"));
  EXPECT_OK(room.Enter("quiet"));
  room.Leave("quiet");
  for (int left = 9; left > 5; --left) {
    const absl::Status refused = room.Enter("flood");
    EXPECT_THAT(refused, StatusIs(kExhausted, HasSubstr("'flood'")));
    EXPECT_EQ(GetErrorInfo(refused).reason, "QUEUE_FULL");
    EXPECT_EQ(GetErrorInfo(refused).metadata.at("tenant_bound"), "5");
    EXPECT_TRUE(GetErrorInfo(refused).retry_after.has_value());
    room.Leave("flood");
  }
  room.Leave("flood");
  EXPECT_OK(room.Enter("flood"));
  for (int i = 0; i < 5; ++i) EXPECT_OK(room.Enter("quiet"));
  EXPECT_THAT(room.Enter("third"), StatusIs(kExhausted));
}

TEST(WaitingRoomTest, ATenantThatWasRefusedIsSeenToo) {
  WaitingRoom room({.places = 2, .tenant_part = 0.5});
  EXPECT_OK(room.Enter("flood"));
  EXPECT_OK(room.Enter("flood"));
  EXPECT_THAT(room.Enter("quiet"), StatusIs(kExhausted));
  room.Leave("flood");
  EXPECT_THAT(room.Enter("flood"), StatusIs(kExhausted));
  EXPECT_OK(room.Enter("quiet"));
}

TEST(WaitingRoomTest, APartIsAtLeastOnePlace) {
  WaitingRoom room({.places = 2, .tenant_part = 0.01});
  EXPECT_OK(room.Enter("a"));
  EXPECT_OK(room.Enter("b"));
}

}  // namespace
}  // namespace mneme
