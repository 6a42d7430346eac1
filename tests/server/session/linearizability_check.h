#ifndef MNEME_TESTS_SERVER_SESSION_LINEARIZABILITY_CHECK_H_
#define MNEME_TESTS_SERVER_SESSION_LINEARIZABILITY_CHECK_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/server/session/linearizability_model.h"

namespace mneme {

// The calls for one session, made by any number of callers. Linearizable
// (Herlihy and Wing, 1990): in some order that keeps the order in real time
// each call, done alone, gives its answer. That is found by search (Wing and
// Gong, 1993), which never comes to the same calls and head twice (Lowe, 2017).
// A fork begins with a value of its parent, and nobody knows its name before
// it is there: so each session is checked for itself.
class History {
 public:
  // A session that begins with this value.
  History(const RetainedStep& start, int64_t sum) : session_(start, sum) {}

  void Add(Operation operation) { operations_.push_back(std::move(operation)); }
  const std::vector<Operation>& operations() const { return operations_; }

  // To be called once. REQUIRES: at most 64 operations.
  bool IsLinearizable();
  // Of a value that the session had, or may have had.
  std::optional<int64_t> SumOf(const RetainedStep& step) const {
    return session_.SumOf(step);
  }
  // Why not: the longest order that explains some of the calls, and the rest.
  std::string Explanation() const;

 private:
  using Head = SequentialSession::Head;

  bool Search(uint64_t done, const Head* head);
  int64_t FirstAnswer(uint64_t done) const;

  SequentialSession session_;
  std::vector<Operation> operations_;
  std::set<std::pair<uint64_t, const Head*>> seen_;
  std::vector<size_t> order_;    // of the search, so far
  std::vector<size_t> longest_;  // of the orders tried
};

}  // namespace mneme

#endif  // MNEME_TESTS_SERVER_SESSION_LINEARIZABILITY_CHECK_H_
