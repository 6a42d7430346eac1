// Several writers race on one session, lose replies, give up in the middle of a
// message and send it again. Whatever the interleaving, there is one order of
// the messages that explains every answer and keeps the order in real time
// (Herlihy and Wing, "Linearizability", 1990). The digests say which order it
// was, so it is looked up instead of searched for.

#include <algorithm>
#include <atomic>
#include <iostream>
#include <random>
#include <thread>
#include <vector>

#include "server/base/error_info.h"
#include "tests/server/session/session_fixture.h"

namespace mneme {
namespace {

constexpr int kRounds = 2000;
constexpr size_t kWriters = 3;
constexpr int kMessages = 4;  // of each writer

// A message and what became of it, over all times that it was sent.
struct Message {
  Position at;
  std::vector<std::vector<int32_t>> segments;
  int64_t first_sent = 0;  // by the round's clock, as the next
  int64_t last_sent = 0;
  int64_t answered = 0;
  // Of its last answer: VERSION_CONFLICT with this head, or OK.
  std::optional<MemoryHandle> conflict;
  std::vector<std::vector<AppliedSegment>> answers;  // each OK
};

// Of the step that a message made.
struct Owner {
  const Message* message = nullptr;
  size_t segment = 0;
};

class LinearizabilityTest : public SessionFixture {
 protected:
  LinearizabilityTest() {
    // Nothing is forgotten in a round. A step may be taken from another
    // session, but none is open that made it.
    Stop();
    prefix_entries_ = 1000;
    limits_.retention = {1000, 1000};
    Start();
  }

  std::vector<Message> Race(const std::string& session, uint32_t seed) {
    std::vector<std::vector<Message>> sent(kWriters);
    std::vector<std::thread> writers;
    const Position start = At(session);
    for (size_t w = 0; w < kWriters; ++w) {
      writers.emplace_back([this, &session, &sent, start, seed, w] {
        sent[w] = Write(session, start, seed, w);
      });
    }
    for (std::thread& writer : writers) writer.join();
    std::vector<Message> all;
    for (const auto& messages : sent) {
      all.insert(all.end(), messages.begin(), messages.end());
    }
    return all;
  }

  // One writer: sends from where it believes the session to be.
  std::vector<Message> Write(const std::string& session, Position at,
                             uint32_t seed, size_t writer) {
    std::mt19937 random(seed * kWriters + static_cast<uint32_t>(writer));
    std::vector<Message> messages;
    for (int m = 0; m < kMessages; ++m) {
      Message message;
      message.at = at;
      const auto id = static_cast<int32_t>(writer) * kMessages + m;
      const auto count = 1 + random() % 3;
      for (size_t i = 0; i < count; ++i) {
        message.segments.push_back({id, static_cast<int32_t>(i), 7, 7});
      }
      at = SendUntilAnswered(session, random, message);
      messages.push_back(std::move(message));
    }
    return messages;
  }

  // Sends it until there is an answer that is not lost; where to go on.
  Position SendUntilAnswered(const std::string& session, std::mt19937& random,
                             Message& message) {
    std::vector<int32_t> tokens;
    for (const auto& segment : message.segments) {
      tokens.insert(tokens.end(), segment.begin(), segment.end());
    }
    message.first_sent = ++now_;
    while (true) {
      message.last_sent = ++now_;
      const auto cursor = std::make_shared<Cursor>();
      const Reply reply =
          Send(session, Request(message.at, tokens, {"sum", "noise"}), cursor);
      if (random() % 4 == 0) CancelSometime(session, random, *cursor);
      const absl::StatusOr<SegmentReply> answer = reply.Get();
      if (absl::IsCancelled(answer.status())) {
        ++cancels_;
        continue;
      }
      message.answered = ++now_;
      if (!answer.ok()) {
        Position head = HeadIn(answer.status());
        message.conflict = head.handle;
        return head;
      }
      message.answers.push_back(answer->segments);
      if (random() % 4 != 0) return answer->next;
    }
  }

  // At once, or when some more of the message may have been done.
  void CancelSometime(const std::string& session, std::mt19937& random,
                      Cursor& cursor) {
    for (auto looks = random() % 16; looks > 0; --looks) At(session);
    cursor.cancelled = true;
  }

  static Position HeadIn(const absl::Status& status) {
    EXPECT_TRUE(absl::IsAborted(status)) << status;
    const ErrorInfo info = GetErrorInfo(status);
    EXPECT_EQ(info.reason, "VERSION_CONFLICT");
    const auto head = info.metadata.find("head");
    if (head == info.metadata.end()) return {};
    const auto handle = MemoryHandle::Parse(head->second);
    EXPECT_THAT(handle, IsOk());
    return handle.ok() ? Position{*handle, 0} : Position();
  }

  std::atomic<int64_t> now_{0};
  std::atomic<int> cancels_{0};
};

// Whether a part of the message was applied, and the rest when it was sent
// again.
bool WasInterrupted(const std::vector<AppliedSegment>& answer) {
  return answer.front().source == SegmentSource::kKept &&
         answer.back().source == SegmentSource::kComputed;
}

// What the digests of a session say of who made which step.
class History {
 public:
  History(const std::vector<Message>& messages,
          const std::vector<MemoryHandle>& chain)
      : chain_(chain), owners_(chain.size()) {
    for (const Message& message : messages) Claim(message);
  }

  size_t steps() const { return chain_.size() - 1; }

  void CheckOrder() const {
    int64_t newest_begin = 0;
    for (size_t step = 1; step <= steps(); ++step) {
      const Message* const message = owners_[step].message;
      ASSERT_NE(message, nullptr) << "nobody made step " << step;
      EXPECT_LE(newest_begin, message->answered)
          << "step " << step << " comes after one that was sent later";
      newest_begin = std::max(newest_begin, message->first_sent);
    }
  }

  void CheckAnswers(const Message& message) const {
    if (message.conflict.has_value()) return CheckConflict(message);
    for (const auto& answer : message.answers) {
      ASSERT_EQ(answer.size(), message.segments.size());
      for (size_t i = 0; i < answer.size(); ++i) {
        const uint64_t step = message.at.handle.step + i + 1;
        ASSERT_EQ(answer[i].handle, chain_.at(step));
        EXPECT_EQ(owners_[step].message, &message);
        EXPECT_EQ(Int64s(answer[i].outputs[0]).back(), SumAfter(step));
        EXPECT_EQ(answer[i].outputs[1].data,
                  message.answers[0][i].outputs[1].data);
      }
    }
  }

 private:
  // The steps that the message made: those whose digest its tokens give.
  void Claim(const Message& message) {
    for (size_t i = 0; i < message.segments.size(); ++i) {
      const uint64_t parent = message.at.handle.step + i;
      if (parent + 1 >= chain_.size()) return;
      if (i == 0 && chain_[parent] != message.at.handle) return;
      if (NextDigest(chain_[parent].digest, message.segments[i], 0) !=
          chain_[parent + 1].digest) {
        return;
      }
      EXPECT_EQ(owners_[parent + 1].message, nullptr);
      owners_[parent + 1] = {&message, i};
    }
  }

  // Not all of it was applied, and the head that it was told was the head at
  // some time while it waited.
  void CheckConflict(const Message& message) const {
    EXPECT_THAT(message.answers, testing::IsEmpty());
    const uint64_t last = message.at.handle.step + message.segments.size();
    EXPECT_TRUE(last > steps() || owners_[last].message != &message);
    const uint64_t told = message.conflict->step;
    ASSERT_LE(told, steps());
    EXPECT_EQ(*message.conflict, chain_[told]);
    if (told > 0) {
      EXPECT_LE(owners_[told].message->first_sent, message.answered);
    }
    for (size_t step = told + 1; step <= steps(); ++step) {
      EXPECT_GE(owners_[step].message->answered, message.last_sent)
          << "told step " << told << " after step " << step << " was answered";
    }
  }

  int64_t SumAfter(uint64_t last) const {
    int64_t sum = 0;
    for (uint64_t step = 1; step <= last; ++step) {
      const Owner& owner = owners_[step];
      if (owner.message == nullptr) return 0;
      for (const int32_t token : owner.message->segments[owner.segment]) {
        sum = FakeModel::Next(sum, token);
      }
    }
    return sum;
  }

  const std::vector<MemoryHandle> chain_;
  std::vector<Owner> owners_;
};

TEST_F(LinearizabilityTest, RacingWritersSeeOneOrder) {
  int all_steps = 0;
  int conflicts = 0;
  int answered_again = 0;
  int interrupted = 0;
  for (uint32_t round = 0; round < kRounds && !HasFailure(); ++round) {
    SCOPED_TRACE(testing::Message() << "seed " << round);
    const std::string session = "r" + std::to_string(round);
    ASSERT_OK(Open(session));
    const std::vector<Message> messages = Race(session, round);
    const History history(messages, manager_->Get(Key(session))->retained);
    history.CheckOrder();
    if (HasFailure()) break;
    for (const Message& message : messages) {
      history.CheckAnswers(message);
      if (message.conflict.has_value()) ++conflicts;
      if (message.answers.empty()) continue;
      if (message.answers.size() > 1) ++answered_again;
      if (WasInterrupted(message.answers[0])) ++interrupted;
    }
    all_steps += static_cast<int>(history.steps());
    ASSERT_OK(Close(session));
  }
  // Each step ran once, whatever was sent again.
  EXPECT_EQ(observer_.segments(SegmentSource::kComputed), all_steps);
  EXPECT_EQ(observer_.segments(SegmentSource::kRecomputed), 0);
  int64_t rows = 0;
  for (const int64_t batch : model_.batches()) rows += batch;
  EXPECT_EQ(rows, all_steps);
  // The rounds were no walk in the park.
  std::cout << all_steps << " steps, " << conflicts << " conflicts, "
            << answered_again << " answered again, " << cancels_
            << " cancelled, " << interrupted << " in the middle\n";
  const int firsts = kRounds * static_cast<int>(kWriters - 1);
  EXPECT_GT(conflicts, firsts) << "nobody raced but for the first step";
  EXPECT_GT(answered_again, 0);
  EXPECT_GT(cancels_, 0);
  EXPECT_GT(interrupted, 0);
}

}  // namespace
}  // namespace mneme
