#include "server/store/directory_thread.h"

#include <atomic>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/error_info.h"
#include "tests/testing/pending.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::absl::StatusCode;
using ::testing::IsEmpty;

// One that is empty, and hangs while its gate is closed.
class GatedDirectory : public SharedDirectory {
 public:
  absl::StatusOr<std::vector<Entry>> Look(
      const std::vector<SessionKey>& sessions) override {
    return std::vector<Entry>(sessions.size());
  }
  absl::StatusOr<std::vector<std::string>> List(const std::string&,
                                                const std::string&,
                                                size_t) override {
    arrived_.Setter()(true);
    EXPECT_TRUE(open_.Get());
    return std::vector<std::string>();
  }
  absl::StatusOr<std::vector<Due>> FindDue(size_t) override {
    return std::vector<Due>();
  }
  absl::Status AskLater(const std::vector<Later>&) override {
    return absl::OkStatus();
  }
  absl::Status Forget(const Due&, const std::string&) override {
    return absl::OkStatus();
  }
  absl::Status Tell(const std::vector<Note>&) override {
    return absl::OkStatus();
  }
  absl::StatusOr<Heard> Hear(const std::string&, size_t) override {
    return Heard();
  }

  void AwaitArrival() { EXPECT_TRUE(arrived_.Get()); }
  void Open() { open_.Setter()(true); }

 private:
  Pending<bool> arrived_;
  Pending<bool> open_;
};

using Ids = absl::StatusOr<std::vector<std::string>>;

TEST(DirectoryThreadTest, PastTheLimitAQuestionIsRefusedAtOnce) {
  GatedDirectory directory;
  DirectoryThread thread(&directory, /*most_waiting=*/3);
  Pending<Ids> first;
  thread.Ask([set = first.Setter()](SharedDirectory* asked) mutable {
    set(asked->List("t", "", 1));
  });
  directory.AwaitArrival();
  std::atomic<int> answered = 0;
  const auto ask = [&] {
    thread.Ask([&](SharedDirectory* asked) {
      EXPECT_THAT(asked->FindDue(1), IsOkAndHolds(IsEmpty()));
      ++answered;
    });
  };
  for (int i = 0; i < 3; ++i) ask();

  std::thread::id ran_on;
  thread.Ask([&](SharedDirectory* asked) {
    ran_on = std::this_thread::get_id();
    for (const absl::Status& refused :
         {asked->LookAt({"t", "s"}).status(), asked->List("t", "", 1).status(),
          asked->FindDue(1).status(), asked->AskLater({}),
          asked->Forget({}, "")}) {
      EXPECT_THAT(refused, StatusIs(StatusCode::kResourceExhausted));
      EXPECT_EQ(GetErrorInfo(refused).reason, "QUEUE_FULL");
      EXPECT_TRUE(GetErrorInfo(refused).retry_after.has_value());
    }
  });
  EXPECT_EQ(ran_on, std::this_thread::get_id());
  EXPECT_EQ(answered, 0);

  directory.Open();
  EXPECT_THAT(first.Get(), IsOkAndHolds(IsEmpty()));
  thread.Stop();
  EXPECT_EQ(answered, 3);
}

TEST(DirectoryThreadTest, ThereIsRoomAgainOnceQuestionsAreAnswered) {
  GatedDirectory directory;
  directory.Open();
  DirectoryThread thread(&directory, /*most_waiting=*/1);
  for (int i = 0; i < 5; ++i) {
    Pending<absl::Status> answer;
    thread.Ask([set = answer.Setter()](SharedDirectory* asked) mutable {
      set(asked->AskLater({}));
    });
    EXPECT_THAT(answer.Get(), IsOk());
  }
}

}  // namespace
}  // namespace mneme
