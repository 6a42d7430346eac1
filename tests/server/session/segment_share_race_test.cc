// What happens to the lender, and to the store, while a step is being shared.

#include "tests/server/session/sharing_fixture.h"
#include "tests/server/store/gated_store.h"

namespace mneme {
namespace {

using ::testing::ElementsAre;

class SharingRaceTest : public SharingFixture {
 protected:
  SharingRaceTest() {
    auto store = std::make_unique<GatedStore>();
    gated_ = store.get();
    tier_limits_ = {1 << 20, 0};  // values are read
    UseStore(std::move(store));
    EXPECT_OK(Open("s"));
    EXPECT_OK(Open("t"));
    EXPECT_OK(Open("busy"));
  }
  // The store writes for "busy" until the gate opens; what comes then queues.
  Reply CloseGate() {
    gated_->Close();
    Reply busy = Send("busy", Request(At("busy"), Range(99, 4)));
    gated_->AwaitArrival();
    return busy;
  }

  GatedStore* gated_;
};

TEST_F(SharingRaceTest, ALenderThatClosesMeanwhileIsNoError) {
  for (const std::vector<std::string>& outputs :
       std::vector<std::vector<std::string>>{{}, {"sum"}}) {
    ASSERT_OK(Apply("s", 0, 4));
    const Reply busy = CloseGate();
    Pending<absl::StatusOr<MemoryHandle>> closed;
    manager_->Close(Key("s"), closed.Setter());
    const Reply reply = Send("t", Request(At("t"), Range(0, 4), outputs));
    gated_->Open();
    ASSERT_OK(busy.Get());
    ASSERT_OK(closed.Get());
    const auto answer = reply.Get();
    ASSERT_OK(answer);
    EXPECT_THAT(SourcesOf(answer), ElementsAre(kComputed));
    ASSERT_OK(Rollback("t", 0));
    ASSERT_OK(Open("s"));
  }
}

TEST_F(SharingRaceTest, ALenderThatRollsBackMeanwhileIsNoError) {
  ASSERT_OK(Apply("s", 0, 4));
  const MemoryHandle start = manager_->Get(Key("s"))->retained.front();
  const Reply busy = CloseGate();
  Pending<absl::StatusOr<SessionInfo>> back;
  manager_->Rollback(Key("s"), std::make_shared<Cursor>(), start, std::nullopt,
                     back.Setter());
  const Reply reply = Send("t", Request(At("t"), Range(0, 4)));
  gated_->Open();
  ASSERT_OK(back.Get());
  const auto answer = reply.Get();
  ASSERT_OK(answer);
  EXPECT_EQ(LastSum(answer), Oracle(Range(0, 4)));
}

TEST_F(SharingRaceTest, AStoreThatFailsTheCommitLeavesTheSessionAsItWas) {
  ASSERT_OK(Apply("s", 0, 4));
  gated_->FailWith(absl::UnavailableError("no disk"));
  EXPECT_THAT(Apply("t", 0, 4), StatusIs(absl::StatusCode::kUnavailable));
  gated_->FailWith(absl::OkStatus());
  EXPECT_EQ(At("t").handle.step, 0u);
  EXPECT_THAT(SourcesOf(Apply("t", 0, 4)), ElementsAre(kShared));
}

}  // namespace
}  // namespace mneme
