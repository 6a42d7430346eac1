#ifndef MNEME_TESTS_SERVER_SESSION_LINEARIZABILITY_MODEL_H_
#define MNEME_TESTS_SERVER_SESSION_LINEARIZABILITY_MODEL_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "server/session/session_record.h"

namespace mneme {

// What one segment of a message was answered.
struct SegmentAnswer {
  RetainedStep step;
  bool is_new = false;          // computed or shared; else answered again
  std::optional<int64_t> sum;   // FakeModel's outputs, if they were asked for
  std::optional<int64_t> kept;  // "noise", unless it was computed once more
};

// One call for a session and its answer. A call that is sent again is another.
struct Operation {
  enum class Kind { kProcess, kRollback, kFork, kGet };
  enum class Outcome { kOk, kConflict, kNotRetained, kExists, kCancelled };

  Kind kind = Kind::kGet;
  int64_t sent = 0;  // by one clock for all calls of a history, as the next
  int64_t answered = 0;
  // `at`, `to` or `from`; of a fork none is the head.
  std::optional<RetainedStep> value;
  std::optional<RetainedStep> expected_head;
  std::vector<std::vector<int32_t>> segments;  // whole, without a tail

  Outcome outcome = Outcome::kOk;
  RetainedStep head;  // as the answer has it; of a fork its own
  std::vector<SegmentAnswer> answers;
  std::vector<RetainedStep> retained;  // of kGet and kRollback
};

// "[sent,answered] ...", for a failure's message.
std::string ToString(const Operation& operation);

// What a session of a FakeModel is and answers if its calls are done one after
// the other and it forgets nothing: DESIGN 3, for whole segments.
class SequentialSession {
 public:
  // A head with all before it. The same digest can be reached again, after a
  // rollback, with other kept outputs: that is another head.
  struct Head {
    const Head* parent = nullptr;
    RetainedStep at;
    int64_t sum = 0;
    std::optional<int64_t> kept;
  };
  using Heads = std::vector<const Head*>;

  // One that begins with this value, of which no past is known.
  SequentialSession(const RetainedStep& start, int64_t sum);

  const Head* start() const { return heads_[0].get(); }
  // Where the session may stand after a call that found it at `head` and was
  // answered so; nowhere if the answer would have been another.
  Heads After(const Head* head, const Operation& operation);
  // Of a value that some head on the way had.
  std::optional<int64_t> SumOf(const RetainedStep& step) const;

 private:
  Heads AfterProcess(const Head* head, const Operation& operation);
  Heads AfterAnswers(const Heads& chain, const Operation& operation);
  Heads AfterCut(const Heads& chain, const Operation& operation);
  bool IsRollback(const Head* head, const Operation& operation) const;
  bool IsFork(const Head* head, const Operation& operation) const;
  // Whether the answer is that of a call whose `value` cannot be found.
  bool IsRefusal(const Head* head, const RetainedStep& value,
                 const Operation& operation) const;
  const Head* Next(const Head* parent, const std::vector<int32_t>& tokens,
                   std::optional<int64_t> kept);

  std::vector<std::unique_ptr<Head>> heads_;  // the first is the start
  std::map<std::tuple<const Head*, Digest, std::optional<int64_t>>, const Head*>
      known_;
};

}  // namespace mneme

#endif  // MNEME_TESTS_SERVER_SESSION_LINEARIZABILITY_MODEL_H_
