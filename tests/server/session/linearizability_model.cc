#include "tests/server/session/linearizability_model.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/session/lineage.h"
#include "tests/testing/fake_model.h"

namespace mneme {
namespace {

using Kind = Operation::Kind;
using Outcome = Operation::Outcome;

std::string Text(const RetainedStep& value) {
  const absl::string_view digest(
      reinterpret_cast<const char*>(value.digest.data()), 3);
  return absl::StrCat(value.step, ":", absl::BytesToHexString(digest));
}

std::string Text(const std::optional<RetainedStep>& value) {
  return value.has_value() ? Text(*value) : "head";
}

std::string Text(Outcome outcome) {
  switch (outcome) {
    case Outcome::kOk:
      return "ok";
    case Outcome::kConflict:
      return "conflict";
    case Outcome::kNotRetained:
      return "not retained";
    case Outcome::kExists:
      return "exists";
    case Outcome::kCancelled:
      return "cancelled";
  }
  return "";
}

std::string Text(const Operation& operation) {
  switch (operation.kind) {
    case Kind::kProcess:
      return absl::StrCat("process ", operation.segments.size(), " at ",
                          Text(operation.value));
    case Kind::kRollback:
      return absl::StrCat(
          "rollback to ", Text(operation.value),
          operation.expected_head.has_value() ? " expected " : " from ",
          Text(operation.expected_head));
    case Kind::kFork:
      return absl::StrCat("fork of ", Text(operation.value));
    case Kind::kGet:
      return "get";
  }
  return "";
}

using Head = SequentialSession::Head;
using Heads = SequentialSession::Heads;

const Head* Find(const Head* head, const RetainedStep& value) {
  while (head != nullptr && head->at != value) head = head->parent;
  return head;
}

// From `value` to the head; none if the session does not have it.
Heads ChainFrom(const Head* head, const RetainedStep& value) {
  const Head* const first = Find(head, value);
  if (first == nullptr) return {};
  Heads chain = {head};
  for (; head != first; head = head->parent) chain.push_back(head->parent);
  std::reverse(chain.begin(), chain.end());
  return chain;
}

// Whether the segments are those after the chain's first value, or go beyond.
bool Matches(const Heads& chain,
             const std::vector<std::vector<int32_t>>& segments) {
  for (size_t i = 0; i < std::min(chain.size() - 1, segments.size()); ++i) {
    if (NextDigest(chain[i]->at.digest, segments[i], 0) !=
        chain[i + 1]->at.digest) {
      return false;
    }
  }
  return true;
}

bool IsWhole(const Head* head, const std::vector<RetainedStep>& steps) {
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    if (head == nullptr || head->at != *step) return false;
    head = head->parent;
  }
  return head == nullptr;
}

bool IsConflict(const Head* head, const Operation& operation) {
  return operation.outcome == Outcome::kConflict && operation.head == head->at;
}

bool IsAnswer(const Head* step, const SegmentAnswer& answer) {
  if (answer.step != step->at) return false;
  if (answer.sum.has_value() && *answer.sum != step->sum) return false;
  return !answer.kept.has_value() || !step->kept.has_value() ||
         *answer.kept == *step->kept;
}

}  // namespace

std::string ToString(const Operation& operation) {
  std::string text = absl::StrCat(
      "[", operation.sent, ",", operation.answered, "] ", Text(operation),
      " -> ", Text(operation.outcome), " ", Text(operation.head));
  for (const SegmentAnswer& answer : operation.answers) {
    absl::StrAppend(&text, answer.is_new ? " new " : " again ",
                    Text(answer.step));
  }
  return text;
}

SequentialSession::SequentialSession(const RetainedStep& start, int64_t sum) {
  heads_.push_back(std::make_unique<Head>(Head{nullptr, start, sum, {}}));
}

const Head* SequentialSession::Next(const Head* parent,
                                    const std::vector<int32_t>& tokens,
                                    std::optional<int64_t> kept) {
  const RetainedStep at = {parent->at.step + 1,
                           NextDigest(parent->at.digest, tokens, 0)};
  const Head*& next = known_[{parent, at.digest, kept}];
  if (next != nullptr) return next;
  int64_t sum = parent->sum;
  for (const int32_t token : tokens) sum = FakeModel::Next(sum, token);
  heads_.push_back(std::make_unique<Head>(Head{parent, at, sum, kept}));
  return next = heads_.back().get();
}

std::optional<int64_t> SequentialSession::SumOf(
    const RetainedStep& step) const {
  for (const auto& head : heads_) {
    if (head->at == step) return head->sum;
  }
  return std::nullopt;
}

Heads SequentialSession::After(const Head* head, const Operation& operation) {
  bool explained = false;
  switch (operation.kind) {
    case Kind::kProcess:
      return AfterProcess(head, operation);
    case Kind::kRollback:
      explained = IsRollback(head, operation);
      if (operation.outcome == Outcome::kOk) {
        head = Find(head, *operation.value);
      }
      break;
    case Kind::kFork:
      explained = IsFork(head, operation);
      break;
    case Kind::kGet:
      explained =
          operation.head == head->at && IsWhole(head, operation.retained);
      break;
  }
  return explained ? Heads{head} : Heads{};
}

bool SequentialSession::IsRefusal(const Head* head, const RetainedStep& value,
                                  const Operation& operation) const {
  return value.step < start()->at.step
             ? operation.outcome == Outcome::kNotRetained
             : IsConflict(head, operation);
}

Heads SequentialSession::AfterProcess(const Head* head,
                                      const Operation& operation) {
  const bool cancelled = operation.outcome == Outcome::kCancelled;
  const Heads chain = ChainFrom(head, *operation.value);
  bool refused = false;
  if (chain.empty()) {
    refused = cancelled || IsRefusal(head, *operation.value, operation);
  } else if (!Matches(chain, operation.segments)) {
    refused = cancelled || IsConflict(head, operation);
  } else {
    return cancelled ? AfterCut(chain, operation)
                     : AfterAnswers(chain, operation);
  }
  return refused ? Heads{head} : Heads{};
}

// What the session has is answered again, the rest is applied.
Heads SequentialSession::AfterAnswers(const Heads& chain,
                                      const Operation& operation) {
  const auto& segments = operation.segments;
  if (operation.outcome != Outcome::kOk) return {};
  if (operation.answers.size() != segments.size()) return {};
  const Head* head = chain.back();
  for (size_t i = 0; i < segments.size(); ++i) {
    const SegmentAnswer& answer = operation.answers[i];
    const bool is_new = i + 1 >= chain.size();
    if (is_new) head = Next(head, segments[i], answer.kept);
    const Head* const step = is_new ? head : chain[i + 1];
    if (answer.is_new != is_new || !IsAnswer(step, answer)) return {};
  }
  return operation.head == head->at ? Heads{head} : Heads{};
}

// Any number of the segments that are not there yet was applied.
Heads SequentialSession::AfterCut(const Heads& chain,
                                  const Operation& operation) {
  Heads after = {chain.back()};
  for (size_t i = chain.size() - 1; i < operation.segments.size(); ++i) {
    after.push_back(Next(after.back(), operation.segments[i], std::nullopt));
  }
  return after;
}

bool SequentialSession::IsRollback(const Head* head,
                                   const Operation& operation) const {
  // The caller was gone before it began: it changes nothing.
  if (operation.outcome == Outcome::kCancelled) return true;
  const bool as_expected = !operation.expected_head.has_value() ||
                           *operation.expected_head == head->at ||
                           *operation.value == head->at;
  if (!as_expected) return IsConflict(head, operation);
  const Head* const to = Find(head, *operation.value);
  if (to == nullptr) return IsRefusal(head, *operation.value, operation);
  return operation.outcome == Outcome::kOk && operation.head == to->at &&
         IsWhole(to, operation.retained);
}

bool SequentialSession::IsFork(const Head* head,
                               const Operation& operation) const {
  if (operation.outcome == Outcome::kCancelled) return true;
  const RetainedStep value = operation.value.value_or(head->at);
  if (Find(head, value) == nullptr) return IsRefusal(head, value, operation);
  return operation.outcome == Outcome::kExists ||
         (operation.outcome == Outcome::kOk && operation.head == value);
}

}  // namespace mneme
