#include "server/session/session_events.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/session/recorded_events.h"

namespace mneme {
namespace {

using ::testing::ElementsAre;

class SessionEventsTest : public ::testing::Test {
 protected:
  void End(const std::string& tenant, const std::string& id) {
    SessionEvent event;
    event.key = {tenant, id};
    event.end = EndReason::kClosed;
    events_.Publish(event);
  }

  SessionEvents events_;
  std::shared_ptr<RecordedEvents> watcher_ = std::make_shared<RecordedEvents>();
};

TEST_F(SessionEventsTest, AWatcherIsToldOfItsTenantsSessions) {
  const auto subscription = events_.Add({"b", {}}, watcher_);
  for (const char* tenant : {"a", "b", "ba", "c"}) End(tenant, tenant);
  EXPECT_THAT(watcher_->texts(), ElementsAre("b closed"));
}

TEST_F(SessionEventsTest, OrOfThoseThatItNames) {
  const auto subscription = events_.Add({"t", {"x", "z"}}, watcher_);
  for (const char* id : {"x", "y", "z"}) End("t", id);
  EXPECT_THAT(watcher_->texts(), ElementsAre("x closed", "z closed"));
}

TEST_F(SessionEventsTest, EveryWatcherIsTold) {
  const auto other = std::make_shared<RecordedEvents>();
  const auto first = events_.Add({"t", {}}, watcher_);
  const auto second = events_.Add({"t", {}}, other);
  End("t", "x");
  EXPECT_THAT(watcher_->texts(), ElementsAre("x closed"));
  EXPECT_THAT(other->texts(), ElementsAre("x closed"));
}

TEST_F(SessionEventsTest, NothingIsToldBeforeAddAndAfterTheSubscription) {
  End("t", "before");
  {
    auto first = events_.Add({"t", {}}, watcher_);
    const auto moved = std::move(first);
    End("t", "during");
  }
  End("t", "after");
  EXPECT_THAT(watcher_->texts(), ElementsAre("during closed"));
}

TEST_F(SessionEventsTest, AWatcherThatIsGoneIsNotCalled) {
  const auto subscription = events_.Add({"t", {}}, watcher_);
  const std::weak_ptr<RecordedEvents> watcher = watcher_;
  watcher_.reset();
  EXPECT_TRUE(watcher.expired());
  End("t", "x");
}

}  // namespace
}  // namespace mneme
