#include "server/session/touch.h"

#include "server/base/error_info.h"
#include "tests/server/session/session_fixture.h"

namespace mneme {
namespace {

using ::absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class TouchTest : public SessionFixture {
 protected:
  TouchTest() {
    limits_.retention = {2, 1};
    Restart();
    EXPECT_OK(Open("s"));
  }

  void Apply(int segments) {
    for (int i = 0; i < segments; ++i) {
      const auto first = static_cast<int32_t>(4 * At("s").handle.step);
      ASSERT_OK(Send("s", Request(At("s"), Range(first, 4))).Get());
    }
  }
  absl::StatusOr<SessionInfo> Pin(std::vector<MemoryHandle> pin,
                                  std::vector<MemoryHandle> unpin = {}) {
    Pending<absl::StatusOr<SessionInfo>> answer;
    TouchChange change;
    change.pin = std::move(pin);
    change.unpin = std::move(unpin);
    manager_->Touch(Key("s"), std::make_shared<Cursor>(), std::move(change),
                    answer.Setter());
    return answer.Get();
  }
};

TEST_F(TouchTest, APinnedValueCanBeNamedUntilItIsUnpinned) {
  Apply(1);
  const MemoryHandle first = At("s").handle;
  ASSERT_OK_AND_ASSIGN(const SessionInfo pinned, Pin({first}));
  EXPECT_THAT(pinned.pinned, ElementsAre(first));
  Apply(5);
  Restart();
  EXPECT_THAT(RetainedSteps("s"), ElementsAre(1, 5, 6));
  Pending<absl::StatusOr<SessionInfo>> fork;
  manager_->Fork(Key("s"), std::make_shared<Cursor>(), first, "f",
                 fork.Setter());
  ASSERT_OK(fork.Get());
  EXPECT_EQ(LastSum(Send("f", Request(At("f"), Range(4, 4))).Get()),
            Oracle(Range(0, 8)));
  ASSERT_OK_AND_ASSIGN(const SessionInfo unpinned, Pin({}, {first}));
  EXPECT_THAT(unpinned.pinned, IsEmpty());
  Apply(1);
  EXPECT_THAT(RetainedSteps("s"), ElementsAre(6, 7));
}

TEST_F(TouchTest, AMessageIsNotPlacedAfterAPinnedValueOfThePast) {
  Apply(1);
  const Position first = At("s");
  ASSERT_OK(Pin({first.handle}));
  Apply(5);
  const auto reply = Send("s", Request(first, Range(4, 4))).Get();
  EXPECT_THAT(reply, StatusIs(StatusCode::kFailedPrecondition,
                              HasSubstr("the oldest is step 5")));
  EXPECT_EQ(GetErrorInfo(reply.status()).reason, "NOT_RETAINED");
}

TEST_F(TouchTest, PinningTwiceIsPinningOnce) {
  const MemoryHandle start = At("s").handle;
  ASSERT_OK(Pin({start}));
  EXPECT_THAT(Pin({start, start})->pinned, ElementsAre(start));
  EXPECT_THAT(Pin({}, {start, start})->pinned, IsEmpty());
}

TEST_F(TouchTest, WhatIsNotRetainedCannotBePinned) {
  const MemoryHandle start = At("s").handle;
  Apply(5);
  EXPECT_THAT(Pin({start}), StatusIs(StatusCode::kFailedPrecondition,
                                     HasSubstr("pin: the value of step 0")));
  MemoryHandle other = At("s").handle;
  other.digest.fill(1);
  EXPECT_THAT(Pin({}, {other}),
              StatusIs(StatusCode::kAborted, HasSubstr("unpin")));
}

TEST_F(TouchTest, ThereIsALimit) {
  for (size_t i = 0; i < kMaxPins; ++i) {
    ASSERT_OK(Pin({At("s").handle}));
    Apply(1);
  }
  const auto answer = Pin({At("s").handle});
  EXPECT_THAT(answer, StatusIs(StatusCode::kResourceExhausted));
  EXPECT_EQ(GetErrorInfo(answer.status()).reason, "QUOTA_PINS");
}

}  // namespace
}  // namespace mneme
