#include "tests/server/session/linearizability_check.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/session/lineage.h"
#include "tests/testing/fake_model.h"

namespace mneme {
namespace {

using Kind = Operation::Kind;
using Outcome = Operation::Outcome;
using ::testing::HasSubstr;

// Histories made by hand, of a session that begins with `start_`.
class LinearizabilityCheckTest : public ::testing::Test {
 protected:
  static RetainedStep After(const RetainedStep& value, int32_t token) {
    return {value.step + 1, NextDigest(value.digest, {token}, 0)};
  }

  // A segment of one token, answered with the value after it.
  static Operation Append(int64_t sent, int64_t answered, RetainedStep at,
                          int32_t token) {
    Operation call;
    call.kind = Kind::kProcess;
    call.sent = sent;
    call.answered = answered;
    call.value = at;
    call.segments = {{token}};
    call.head = After(at, token);
    SegmentAnswer& answer = call.answers.emplace_back();
    answer.step = call.head;
    answer.is_new = true;
    return call;
  }
  static Operation Refused(Operation call, const RetainedStep& head) {
    call.outcome = Outcome::kConflict;
    call.head = head;
    call.answers.clear();
    return call;
  }
  Operation Rollback(int64_t sent, int64_t answered,
                     std::optional<RetainedStep> expected) const {
    Operation call;
    call.kind = Kind::kRollback;
    call.sent = sent;
    call.answered = answered;
    call.value = call.head = start_;
    call.expected_head = expected;
    call.retained = {start_};
    return call;
  }
  static Operation Look(int64_t when, std::vector<RetainedStep> retained) {
    Operation call;
    call.sent = call.answered = when;
    call.head = retained.back();
    call.retained = std::move(retained);
    return call;
  }

  bool IsLinearizable(const std::vector<Operation>& operations) const {
    History history(start_, 0);
    for (const Operation& operation : operations) history.Add(operation);
    return history.IsLinearizable();
  }

  const RetainedStep start_ = {3, Digest{9}};
  const RetainedStep one_ = After(start_, 1);
  const RetainedStep two_ = After(one_, 2);
};

TEST_F(LinearizabilityCheckTest, FindsTheOrderOfCallsThatOverlap) {
  // Sent in the other order.
  EXPECT_TRUE(IsLinearizable({Append(1, 9, one_, 2), Append(2, 8, start_, 1),
                              Look(10, {start_, one_, two_})}));
  EXPECT_TRUE(IsLinearizable({Append(1, 9, start_, 1),
                              Refused(Append(2, 8, start_, 5), one_),
                              Rollback(3, 7, one_), Look(10, {start_})}));
}

TEST_F(LinearizabilityCheckTest, RefusesAnOrderAgainstRealTime) {
  EXPECT_FALSE(IsLinearizable({Append(1, 2, one_, 2), Append(3, 4, start_, 1),
                               Look(10, {start_, one_, two_})}));
  // A head that was another's past when the call was sent.
  EXPECT_FALSE(IsLinearizable({Append(1, 2, start_, 1), Append(3, 4, one_, 2),
                               Refused(Append(5, 6, start_, 7), one_)}));
}

TEST_F(LinearizabilityCheckTest, RefusesWhatIsLostOrThereTwice) {
  EXPECT_FALSE(IsLinearizable({Append(1, 9, start_, 1), Look(10, {start_})}));
  EXPECT_FALSE(
      IsLinearizable({Append(1, 9, start_, 1), Append(1, 9, start_, 5)}));
  // Applied once more instead of answered again.
  EXPECT_FALSE(
      IsLinearizable({Append(1, 2, start_, 1), Append(3, 4, start_, 1)}));
  EXPECT_FALSE(IsLinearizable({Look(10, {start_, one_})}));
}

TEST_F(LinearizabilityCheckTest, ACallThatWasCutOffMayHaveDoneAPart) {
  Operation cut = Append(1, 2, start_, 1);
  cut.segments = {{1}, {2}, {3}};
  cut.outcome = Outcome::kCancelled;
  cut.answers.clear();
  EXPECT_TRUE(IsLinearizable({cut, Look(10, {start_})}));
  EXPECT_TRUE(IsLinearizable({cut, Look(10, {start_, one_, two_})}));
  EXPECT_FALSE(IsLinearizable({cut, Look(10, {start_, After(start_, 2)})}));
}

TEST_F(LinearizabilityCheckTest, ARollbackNeedsTheHeadThatItExpects) {
  EXPECT_TRUE(IsLinearizable({Append(1, 2, start_, 1), Rollback(3, 4, one_)}));
  EXPECT_FALSE(IsLinearizable(
      {Append(1, 2, start_, 1), Append(3, 4, one_, 2), Rollback(5, 6, one_)}));
  EXPECT_FALSE(IsLinearizable({Append(1, 2, start_, 1), Rollback(3, 4, one_),
                               Look(10, {start_, one_})}));
}

TEST_F(LinearizabilityCheckTest, AForkBeginsWithWhatItsParentHas) {
  Operation fork;
  fork.kind = Kind::kFork;
  fork.sent = 3;
  fork.answered = 4;
  fork.value = start_;
  fork.head = start_;
  EXPECT_TRUE(IsLinearizable({Append(1, 2, start_, 1), fork}));
  fork.head = one_;
  EXPECT_FALSE(IsLinearizable({Append(1, 2, start_, 1), fork}));
  fork.value = std::nullopt;
  EXPECT_TRUE(IsLinearizable({Append(1, 2, start_, 1), fork}));
}

TEST_F(LinearizabilityCheckTest, OutputsAreThoseOfTheTokens) {
  Operation call = Append(1, 2, start_, 1);
  call.answers[0].sum = FakeModel::Next(0, 1);
  EXPECT_TRUE(IsLinearizable({call}));
  call.answers[0].sum = FakeModel::Next(0, 2);
  EXPECT_FALSE(IsLinearizable({call}));
  History history(start_, 0);
  history.Add(call);
  EXPECT_FALSE(history.IsLinearizable());
  EXPECT_THAT(history.Explanation(), HasSubstr("[1,2] process 1 at 3:090000"));
}

}  // namespace
}  // namespace mneme
