// Clients that move between servers on one Redis, lose answers and send again
// what was not answered: each session is one stream, whatever is killed.

#include <atomic>
#include <cstddef>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/server/session/shared_fixture.h"

namespace mneme {
namespace {

constexpr uint32_t kClients = 6;

class SharedHistoryTest : public SharedTest {
 protected:
  SharedHistoryTest() {
    options_.lease = absl::Milliseconds(2);
    options_.reconnect_pause = absl::Milliseconds(1);
  }

  void ServeThree() {
    for (int i = 0; i < 3; ++i) servers_.push_back(Serve());
  }

  // One client's session, from Open to its last message.
  class Client {
   public:
    Client(const std::vector<std::unique_ptr<SharingServer>>* servers,
           uint32_t seed)
        : servers_(servers), random_(seed), id_(absl::StrCat("s", seed)) {}

    void Open() {
      absl::StatusOr<SessionInfo> info;
      do {
        info = Any().Open(id_);
        // One that was made though its answer was lost.
        if (absl::IsAlreadyExists(info.status())) info = Any().Get(id_);
      } while (absl::IsUnavailable(info.status()));
      ASSERT_OK(info);
      at_ = {info->head.handle, 0};
    }

    void SendOne() {
      std::vector<int32_t> tokens = tail_;  // it is not durable
      const auto size = static_cast<int32_t>(1 + random_() % 11);
      for (const int32_t token :
           Range(static_cast<int32_t>(random_() % 256), size)) {
        tokens.push_back(token);
      }
      if (random_() % 4 == 0) Any().Begin(id_, at_, tokens);  // never heard of
      absl::StatusOr<SegmentReply> reply;
      do {
        reply = Any().Send(id_, at_, tokens);
      } while (absl::IsUnavailable(reply.status()));
      ASSERT_OK(reply) << id_;
      Take(*reply, tokens);
    }

    const std::string& id() const { return id_; }
    size_t applied() const { return sent_.size() / 4; }

   private:
    SharingServer& Any() { return *(*servers_)[random_() % servers_->size()]; }

    void Take(const SegmentReply& reply, const std::vector<int32_t>& tokens) {
      sent_.insert(sent_.end(), tokens.begin(), tokens.end());
      if (!reply.segments.empty()) {
        const auto applied =
            static_cast<std::ptrdiff_t>(4 * reply.segments.back().handle.step);
        EXPECT_EQ(LastSum(reply),
                  Oracle({sent_.begin(), sent_.begin() + applied}));
      }
      at_ = {reply.next.handle, 0};
      const auto full =
          sent_.end() - static_cast<std::ptrdiff_t>(sent_.size() % 4);
      tail_.assign(full, sent_.end());
      sent_.erase(full, sent_.end());
    }

    const std::vector<std::unique_ptr<SharingServer>>* const servers_;
    std::mt19937 random_;
    const std::string id_;
    Position at_;
    std::vector<int32_t> sent_;  // all that was applied
    std::vector<int32_t> tail_;
  };

  // Each client opens its session, and sends until `done` of it.
  void RunClients(const std::function<bool(int)>& done) {
    std::vector<std::thread> threads;
    for (uint32_t seed = 0; seed < kClients; ++seed) {
      threads.emplace_back([&, seed] {
        Client client(&servers_, seed);
        client.Open();
        for (int i = 0; !done(i) && !HasFailure(); ++i) {
          client.SendOne();
          ++sent_;
        }
        const auto info = servers_[0]->Get(client.id());
        ASSERT_OK(info);
        EXPECT_EQ(info->head.handle.step, client.applied());
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  std::vector<std::unique_ptr<SharingServer>> servers_;
  std::atomic<int> sent_ = 0;
};

TEST_F(SharedHistoryTest, OverThreeServersEachSessionIsOneStream) {
  ServeThree();
  RunClients([](int messages) { return messages == 40; });
}

TEST_F(SharedHistoryTest, KillsOfRedisLoseNothingThatWasAcknowledged) {
  ServeThree();
  std::atomic<bool> killed = false;
  std::thread killer([&] {
    for (int kill = 1; kill <= 5; ++kill) {
      EXPECT_TRUE(Await([&] { return sent_ >= 40 * kill; }));
      redis_.Kill();
      redis_.Start();
    }
    killed = true;
  });
  RunClients([&](int messages) { return killed && messages >= 20; });
  killer.join();
}

}  // namespace
}  // namespace mneme
