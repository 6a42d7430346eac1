#include "server/rpc/call_registry.h"

#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "tests/testing/fake_clock.h"

namespace mneme {
namespace {

using Kind = CallRegistry::Kind;

class CountingCall : public CallRegistry::Call {
 public:
  void Drain() override { ++drains; }
  void CutOff() override { ++cuts; }
  int drains = 0;
  int cuts = 0;
};

TEST(CallRegistryTest, CountsCallsAndStreamsWhileTheirTicketsLive) {
  CallRegistry registry;
  const auto unary = std::make_shared<CountingCall>();
  std::optional<CallRegistry::Ticket> call =
      registry.Enter(unary, Kind::kUnary);
  const auto stream = std::make_shared<CountingCall>();
  std::optional<CallRegistry::Ticket> ticket =
      registry.Enter(stream, Kind::kStream);
  EXPECT_EQ(registry.stats().calls, 2);
  EXPECT_EQ(registry.stats().streams, 1);
  ticket.reset();
  EXPECT_EQ(registry.stats().streams, 0);
  call.reset();
  EXPECT_EQ(registry.stats().calls, 0);
}

TEST(CallRegistryTest, OnlyCallsThatAreOpenAreCutOff) {
  CallRegistry registry;
  const auto stays = std::make_shared<CountingCall>();
  const auto leaves = std::make_shared<CountingCall>();
  const CallRegistry::Ticket ticket = registry.Enter(stays, Kind::kStream);
  { const CallRegistry::Ticket gone = registry.Enter(leaves, Kind::kStream); }
  registry.StartDrain();
  EXPECT_EQ(stays->cuts, 0);
  registry.CutOff();
  EXPECT_EQ(stays->cuts, 1);
  EXPECT_EQ(leaves->cuts, 0);
}

TEST(CallRegistryTest, AMovedTicketLeavesOnce) {
  CallRegistry registry;
  const auto unary = std::make_shared<CountingCall>();
  CallRegistry::Ticket first = registry.Enter(unary, Kind::kUnary);
  CallRegistry::Ticket second = std::move(first);
  first = CallRegistry::Ticket();
  EXPECT_EQ(registry.stats().calls, 1);
  second = CallRegistry::Ticket();
  EXPECT_EQ(registry.stats().calls, 0);
}

TEST(CallRegistryTest, DrainsOpenStreamsOnce) {
  CallRegistry registry;
  const auto stream = std::make_shared<CountingCall>();
  const auto ended = std::make_shared<CountingCall>();
  const CallRegistry::Ticket ticket = registry.Enter(stream, Kind::kStream);
  { const CallRegistry::Ticket gone = registry.Enter(ended, Kind::kStream); }
  EXPECT_FALSE(registry.draining());
  registry.StartDrain();
  EXPECT_TRUE(registry.draining());
  EXPECT_EQ(stream->drains, 1);
  EXPECT_EQ(ended->drains, 0);
}

TEST(CallRegistryTest, AStreamThatComesDuringTheDrainIsDrainedAtOnce) {
  CallRegistry registry;
  registry.StartDrain();
  const auto stream = std::make_shared<CountingCall>();
  const CallRegistry::Ticket ticket = registry.Enter(stream, Kind::kStream);
  EXPECT_EQ(stream->drains, 1);
}

TEST(CallRegistryTest, ACallThatComesAfterTheCutOffIsCutOffAtOnce) {
  CallRegistry registry;
  registry.StartDrain();
  registry.CutOff();
  const auto late = std::make_shared<CountingCall>();
  const CallRegistry::Ticket ticket = registry.Enter(late, Kind::kUnary);
  EXPECT_EQ(late->drains, 1);
  EXPECT_EQ(late->cuts, 1);
}

TEST(CallRegistryTest, ForgetsAStreamThatIsGoneBeforeItsTicket) {
  CallRegistry registry;
  auto stream = std::make_shared<CountingCall>();
  const CallRegistry::Ticket ticket = registry.Enter(stream, Kind::kStream);
  stream.reset();
  registry.StartDrain();
  EXPECT_EQ(registry.stats().calls, 1);
}

TEST(CallRegistryTest, WaitEmptyEndsWithTheLastCall) {
  CallRegistry registry;
  FakeClock clock;
  EXPECT_TRUE(registry.WaitEmpty(&clock, clock.Monotonic()));
  const auto unary = std::make_shared<CountingCall>();
  std::optional<CallRegistry::Ticket> call =
      registry.Enter(unary, Kind::kUnary);
  std::thread ender([&] {
    clock.AwaitWaiters(1);
    call.reset();
  });
  EXPECT_TRUE(registry.WaitEmpty(&clock, absl::InfiniteDuration()));
  ender.join();
}

TEST(CallRegistryTest, WaitEmptyGivesUpAtItsDeadline) {
  CallRegistry registry;
  FakeClock clock;
  const auto unary = std::make_shared<CountingCall>();
  const CallRegistry::Ticket call = registry.Enter(unary, Kind::kUnary);
  std::thread timer([&] {
    clock.AwaitWaiters(1);
    clock.Advance(absl::Seconds(5));
  });
  EXPECT_FALSE(
      registry.WaitEmpty(&clock, clock.Monotonic() + absl::Seconds(5)));
  timer.join();
}

}  // namespace
}  // namespace mneme
