// Clients that move between servers on one Redis, lose answers and send again
// what was not answered: each session is one stream, whatever is killed or
// promoted.

#include <atomic>
#include <cstddef>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/server/session/shared_fixture.h"
#include "tests/server/store/replicated_redis.h"

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
           std::atomic<int>* refused, uint32_t seed)
        : servers_(servers),
          refused_(refused),
          random_(seed),
          id_(absl::StrCat("s", seed)) {}

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
        *refused_ += !reply.ok();
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
    std::atomic<int>* const refused_;
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
        Client client(&servers_, &refused_, seed);
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
  std::atomic<int> refused_ = 0;  // and sent again
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

// Clients that know where they stood find it on the promoted replica.
class PromotedHistoryTest : public SharedHistoryTest {
 protected:
  PromotedHistoryTest() {
    options_.address = replicated_.address();
    options_.wait_replicas = 1;
    // Of a primary that has no replica, or a slow one.
    options_.wait_timeout = absl::Milliseconds(100);
  }

  // Other servers read what the promoted replica does not have then.
  void WriteToThePrimaryOnly() {
    const int before = refused_;
    replicated_.CutReplica();
    EXPECT_TRUE(Await([&] { return refused_ >= before + 20; }));
  }

  ReplicatedRedis replicated_;
};

TEST_F(PromotedHistoryTest, PromotionsLoseNothingThatWasAcknowledged) {
  ServeThree();
  std::atomic<bool> promoted = false;
  std::thread promoter([&] {
    for (int promotion = 1; promotion <= 4; ++promotion) {
      EXPECT_TRUE(Await([&] { return sent_ >= 40 * promotion; }));
      if (promotion % 2 == 0) WriteToThePrimaryOnly();
      replicated_.KillPrimary();
      replicated_.Promote();
      replicated_.AddReplica();
    }
    promoted = true;
  });
  RunClients([&](int messages) { return promoted && messages >= 20; });
  promoter.join();
}

}  // namespace
}  // namespace mneme
