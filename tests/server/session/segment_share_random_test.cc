// Sessions of one tenant that stream the beginnings of a few scripts, and go
// back, fork, close and restart: each answer is the oracle's, whoever computed
// it, and not everything is computed.

#include <iostream>
#include <map>
#include <random>

#include "tests/server/session/sharing_fixture.h"

namespace mneme {
namespace {

constexpr uint32_t kSeeds = 20;
constexpr int kOperations = 400;
constexpr int32_t kScriptTokens = 48;

class SegmentShareRandomTest : public SharingFixture {
 protected:
  struct Streamed {
    int32_t script = 0;
    int32_t tokens = 0;  // of the script, applied
  };

  void Run(uint32_t seed) {
    random_.seed(seed);
    limits_.retention = {1 + Draw(6), 1 + Draw(3)};
    tier_limits_ = {8 * Draw(4), 8 * Draw(4)};
    prefix_entries_ = 1 + Draw(60);
    streamed_.clear();
    UseStore(std::make_unique<InProcessStore>());
    for (int i = 0; i < kOperations && !HasFailure(); ++i) Operate();
  }

  void Operate() {
    const int32_t what = Draw(100);
    if (streamed_.size() < 3 || what < 5) return OpenOne();
    if (what == 99) return Restart();
    const auto it = std::next(streamed_.begin(),
                              Draw(static_cast<int32_t>(streamed_.size())));
    if (what < 12) return RollbackOne(it->first, it->second);
    if (what < 15) return ForkOne(it->first, it->second);
    if (what < 19 || it->second.tokens == kScriptTokens) {
      ASSERT_OK(Close(it->first));
      streamed_.erase(it);
      return;
    }
    Stream(it->first, it->second);
  }

  void OpenOne() {
    const std::string id = absl::StrCat("s", next_id_++);
    ASSERT_OK(Open(id));
    streamed_[id] = {Draw(3), 0};
  }

  void RollbackOne(const std::string& id, Streamed& session) {
    const std::vector<uint64_t> steps = RetainedSteps(id);
    const uint64_t to =
        steps[static_cast<size_t>(Draw(static_cast<int32_t>(steps.size())))];
    ASSERT_OK(Rollback(id, to));
    session.tokens = 4 * static_cast<int32_t>(to);
  }

  void ForkOne(const std::string& id, const Streamed& session) {
    const std::string fork = absl::StrCat("s", next_id_++);
    ASSERT_OK(Fork(id, fork));
    streamed_[fork] = session;
  }

  void Stream(const std::string& id, Streamed& session) {
    const int32_t most = (kScriptTokens - session.tokens) / 4;
    const int32_t size = 4 * std::min(1 + Draw(3), most);
    std::vector<std::string> outputs;
    if (Draw(4) > 0) outputs = {"sum"};
    const auto answer =
        Send(id, Request(At(id), Script(session.script, session.tokens, size),
                         outputs))
            .Get();
    ASSERT_OK(answer);
    for (const AppliedSegment& segment : answer->segments) {
      session.tokens += 4;
      ++applied_;
      if (segment.source == kShared) ++shared_;
      EXPECT_EQ(segment.handle.digest,
                DigestAfter(session.script, session.tokens));
      if (outputs.empty()) continue;
      EXPECT_EQ(Int64s(segment.outputs[0]).back(),
                Oracle(Script(session.script, 0, session.tokens)));
    }
    EXPECT_EQ(answer->head.handle.step,
              static_cast<uint64_t>(session.tokens / 4));
  }

  // The scripts begin alike.
  static std::vector<int32_t> Script(int32_t script, int32_t first,
                                     int32_t size) {
    std::vector<int32_t> tokens = Range(first, size);
    for (int32_t& token : tokens) {
      if (token >= 16) token += 60 * script;
    }
    return tokens;
  }

  Digest DigestAfter(int32_t script, int32_t tokens) {
    Digest digest =
        InitialDigest(std::string(32, '\0'), model_.spec().fingerprint);
    for (int32_t first = 0; first < tokens; first += 4) {
      digest = NextDigest(digest, Script(script, first, 4), 0);
    }
    return digest;
  }

  int32_t Draw(int32_t end) {
    return static_cast<int32_t>(random_() % static_cast<uint32_t>(end));
  }

  std::mt19937 random_;
  int next_id_ = 0;
  std::map<std::string, Streamed> streamed_;  // by session
  int64_t applied_ = 0;
  int64_t shared_ = 0;
};

TEST_F(SegmentShareRandomTest, AnswersAreTheOraclesWhoeverComputedThem) {
  for (uint32_t seed = 0; seed < kSeeds && !HasFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Run(seed);
  }
  std::cout << applied_ << " segments, " << shared_ << " shared, " << steps()
            << " steps\n";
  EXPECT_EQ(steps(), applied_ - shared_);
  EXPECT_GT(shared_, applied_ / 10);
}

}  // namespace
}  // namespace mneme
