#include "server/session/session_events.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mneme {
namespace {

using ::testing::ElementsAre;

class Recorder : public SessionWatcher {
 public:
  void OnSessionEnd(const Tombstone& end) override {
    seen_.push_back(end.key.session_id);
  }
  const std::vector<std::string>& seen() const { return seen_; }

 private:
  std::vector<std::string> seen_;
};

class SessionEventsTest : public ::testing::Test {
 protected:
  void End(const std::string& tenant, const std::string& id) {
    Tombstone end;
    end.key = {tenant, id};
    end.last.session_id = id;
    events_.Publish(end);
  }

  SessionEvents events_;
  std::shared_ptr<Recorder> watcher_ = std::make_shared<Recorder>();
};

TEST_F(SessionEventsTest, AWatcherIsToldOfItsTenantsSessions) {
  const auto subscription = events_.Add({"b", {}}, watcher_);
  for (const char* tenant : {"a", "b", "ba", "c"}) End(tenant, tenant);
  EXPECT_THAT(watcher_->seen(), ElementsAre("b"));
}

TEST_F(SessionEventsTest, OrOfThoseThatItNames) {
  const auto subscription = events_.Add({"t", {"x", "z"}}, watcher_);
  for (const char* id : {"x", "y", "z"}) End("t", id);
  EXPECT_THAT(watcher_->seen(), ElementsAre("x", "z"));
}

TEST_F(SessionEventsTest, EveryWatcherIsTold) {
  const auto other = std::make_shared<Recorder>();
  const auto first = events_.Add({"t", {}}, watcher_);
  const auto second = events_.Add({"t", {}}, other);
  End("t", "x");
  EXPECT_THAT(watcher_->seen(), ElementsAre("x"));
  EXPECT_THAT(other->seen(), ElementsAre("x"));
}

TEST_F(SessionEventsTest, NothingIsToldBeforeAddAndAfterTheSubscription) {
  End("t", "before");
  {
    auto first = events_.Add({"t", {}}, watcher_);
    const auto moved = std::move(first);
    End("t", "during");
  }
  End("t", "after");
  EXPECT_THAT(watcher_->seen(), ElementsAre("during"));
}

TEST_F(SessionEventsTest, AWatcherThatIsGoneIsNotCalled) {
  const auto subscription = events_.Add({"t", {}}, watcher_);
  const std::weak_ptr<Recorder> watcher = watcher_;
  watcher_.reset();
  EXPECT_TRUE(watcher.expired());
  End("t", "x");
}

}  // namespace
}  // namespace mneme
