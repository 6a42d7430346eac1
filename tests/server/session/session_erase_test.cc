// SessionManager::Erase over stores that fail at each of its steps.

#include <string>
#include <utility>

#include "tests/server/session/session_fixture.h"

namespace mneme {
namespace {

using ::absl::StatusCode;

// Counts scrubs; marks and scrubs fail when told.
class ScrubbedStore : public InProcessStore {
 public:
  absl::Status MarkErase() override { return mark_; }
  absl::Status Scrub() override {
    ++scrubs_;
    return scrub_;
  }
  void set_mark(absl::Status status) { mark_ = std::move(status); }
  void set_scrub(absl::Status status) { scrub_ = std::move(status); }
  int scrubs() const { return scrubs_; }

 private:
  absl::Status mark_;
  absl::Status scrub_;
  std::atomic<int> scrubs_ = 0;
};

class SessionEraseTest : public SessionFixture {
 protected:
  SessionEraseTest() {
    auto store = std::make_unique<ScrubbedStore>();
    scrubbed_ = store.get();
    UseStore(std::move(store));
  }
  absl::StatusOr<MemoryHandle> Erase(const std::string& id) {
    Pending<absl::StatusOr<MemoryHandle>> last;
    manager_->Erase(Key(id), last.Setter());
    return last.Get();
  }

  // Its statuses are set between calls: no thread looks at them then.
  ScrubbedStore* scrubbed_ = nullptr;
};

TEST_F(SessionEraseTest, GivesTheLastHandleAndTheSessionIsUnknown) {
  ASSERT_OK(Open("s"));
  ASSERT_OK(Send("s", Request(At("s"), Range(0, 4))).Get());
  const MemoryHandle last = At("s").handle;
  EXPECT_THAT(Erase("s"), IsOkAndHolds(last));
  EXPECT_EQ(scrubbed_->scrubs(), 1);
  EXPECT_THAT(manager_->Get(Key("s")), StatusIs(StatusCode::kNotFound));
  EXPECT_TRUE(store_->LoadRecords()->records.empty());
}

TEST_F(SessionEraseTest, ACloseDoesNotScrub) {
  ASSERT_OK(Open("s"));
  EXPECT_OK(Close("s"));
  EXPECT_EQ(scrubbed_->scrubs(), 0);
}

TEST_F(SessionEraseTest, IfItCannotBeginTheSessionGoesOn) {
  ASSERT_OK(Open("s"));
  scrubbed_->set_mark(absl::UnavailableError("disk"));
  EXPECT_THAT(Erase("s"), StatusIs(StatusCode::kUnavailable));
  EXPECT_EQ(scrubbed_->scrubs(), 0);
  EXPECT_OK(Send("s", Request(At("s"), Range(0, 4))).Get());
  scrubbed_->set_mark(absl::OkStatus());
  EXPECT_OK(Erase("s"));
}

TEST_F(SessionEraseTest, AFailedScrubIsSaidUntilOneWorks) {
  ASSERT_OK(Open("s"));
  scrubbed_->set_scrub(absl::UnavailableError("disk"));
  EXPECT_THAT(Erase("s"), StatusIs(StatusCode::kUnavailable));
  EXPECT_THAT(manager_->Get(Key("s")), StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(Erase("s"), StatusIs(StatusCode::kUnavailable));
  scrubbed_->set_scrub(absl::OkStatus());
  EXPECT_THAT(Erase("s"), StatusIs(StatusCode::kNotFound));
  EXPECT_EQ(scrubbed_->scrubs(), 3);
}

}  // namespace
}  // namespace mneme
