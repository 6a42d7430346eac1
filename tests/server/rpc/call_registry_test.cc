#include "server/rpc/call_registry.h"

#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "tests/testing/fake_clock.h"

namespace mneme {
namespace {

class CountingStream : public CallRegistry::Drainable {
 public:
  void Drain() override { ++drains; }
  void CutOff() override { ++cuts; }
  int drains = 0;
  int cuts = 0;
};

TEST(CallRegistryTest, CountsCallsAndStreamsWhileTheirTicketsLive) {
  CallRegistry registry;
  std::optional<CallRegistry::Ticket> call = registry.Enter();
  const auto stream = std::make_shared<CountingStream>();
  std::optional<CallRegistry::Ticket> ticket = registry.Enter(stream);
  EXPECT_EQ(registry.stats().calls, 2);
  EXPECT_EQ(registry.stats().streams, 1);
  ticket.reset();
  EXPECT_EQ(registry.stats().streams, 0);
  call.reset();
  EXPECT_EQ(registry.stats().calls, 0);
}

TEST(CallRegistryTest, OnlyStreamsThatAreOpenAreCutOff) {
  CallRegistry registry;
  const auto stays = std::make_shared<CountingStream>();
  const auto leaves = std::make_shared<CountingStream>();
  const CallRegistry::Ticket ticket = registry.Enter(stays);
  { const CallRegistry::Ticket gone = registry.Enter(leaves); }
  registry.StartDrain();
  EXPECT_EQ(stays->cuts, 0);
  registry.CutOff();
  EXPECT_EQ(stays->cuts, 1);
  EXPECT_EQ(leaves->cuts, 0);
}

TEST(CallRegistryTest, AMovedTicketLeavesOnce) {
  CallRegistry registry;
  CallRegistry::Ticket first = registry.Enter();
  CallRegistry::Ticket second = std::move(first);
  first = CallRegistry::Ticket();
  EXPECT_EQ(registry.stats().calls, 1);
  second = CallRegistry::Ticket();
  EXPECT_EQ(registry.stats().calls, 0);
}

TEST(CallRegistryTest, DrainsOpenStreamsOnce) {
  CallRegistry registry;
  const auto stream = std::make_shared<CountingStream>();
  const auto ended = std::make_shared<CountingStream>();
  const CallRegistry::Ticket ticket = registry.Enter(stream);
  { const CallRegistry::Ticket gone = registry.Enter(ended); }
  EXPECT_FALSE(registry.draining());
  registry.StartDrain();
  EXPECT_TRUE(registry.draining());
  EXPECT_EQ(stream->drains, 1);
  EXPECT_EQ(ended->drains, 0);
}

TEST(CallRegistryTest, AStreamThatComesDuringTheDrainIsDrainedAtOnce) {
  CallRegistry registry;
  registry.StartDrain();
  const auto stream = std::make_shared<CountingStream>();
  const CallRegistry::Ticket ticket = registry.Enter(stream);
  EXPECT_EQ(stream->drains, 1);
}

TEST(CallRegistryTest, ForgetsAStreamThatIsGoneBeforeItsTicket) {
  CallRegistry registry;
  auto stream = std::make_shared<CountingStream>();
  const CallRegistry::Ticket ticket = registry.Enter(stream);
  stream.reset();
  registry.StartDrain();
  EXPECT_EQ(registry.stats().calls, 1);
}

TEST(CallRegistryTest, WaitEmptyEndsWithTheLastCall) {
  CallRegistry registry;
  FakeClock clock;
  EXPECT_TRUE(registry.WaitEmpty(&clock, clock.Monotonic()));
  std::optional<CallRegistry::Ticket> call = registry.Enter();
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
  const CallRegistry::Ticket call = registry.Enter();
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
