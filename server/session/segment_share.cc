// The part of SegmentCall that takes a step from a session which made it of the
// same tokens. What stands in the way of that is never an error: the step is
// computed.

#include <utility>

#include "server/session/segment_call.h"

namespace mneme {

PrefixKey SegmentCall::SharedKey() const {
  return {session_->key().tenant, session_->model(), applying_.digest};
}

void SegmentCall::Share() {
  PrefixIndex* const prefixes = session_->context().prefixes;
  if (prefixes == nullptr || !session_->trusted()) return Compute();
  lenders_ = prefixes->Find(SharedKey());
  AskLender();
}

void SegmentCall::AskLender() {
  if (lenders_.empty()) return Compute();
  const Session& lender = *lenders_.back();
  if (!lender.IsRetained(applying_)) return AskNext(/*has_it=*/false);
  if (request_.outputs.names.empty()) return TakeValue();
  session_->context().writer->ReadReply(
      {lender.key(), applying_.step},
      [self = shared_from_this()](const absl::StatusOr<std::string>& bytes) {
        self->OnLentReply(bytes);
      });
}

void SegmentCall::AskNext(bool has_it) {
  if (!has_it) {
    session_->context().prefixes->Drop(SharedKey(), lenders_.back());
  }
  lenders_.pop_back();
  lent_memory_ = nullptr;
  computed_.outputs.clear();
  AskLender();
}

void SegmentCall::OnLentReply(const absl::StatusOr<std::string>& bytes) {
  if (!bytes.ok()) return AskNext(/*has_it=*/false);
  absl::StatusOr<KeptReply> kept = DecodeKeptReply(*bytes);
  if (!kept.ok() || kept->digest != applying_.digest) {
    return AskNext(/*has_it=*/false);
  }
  if (!lenders_.back()->has_its_id() ||
      !Answers(*kept, request_.outputs, request_.extra_inputs)) {
    return AskNext(/*has_it=*/true);
  }
  computed_.outputs = std::move(kept->outputs);
  TakeValue();
}

void SegmentCall::TakeValue() {
  MemoryTiers::AtHand at_hand;
  lent_memory_ = lenders_.back()->MemoryOf(applying_);
  if (lent_memory_ != nullptr) {
    at_hand = session_->context().tiers->Use(lent_memory_);
  }
  if (at_hand.saved != nullptr) return CommitLent(std::move(at_hand.saved));
  session_->context().writer->ReadValue(
      lenders_.back()->KeyOf(applying_.digest),
      [self = shared_from_this()](absl::StatusOr<std::string> bytes) {
        if (!bytes.ok()) return self->AskNext(/*has_it=*/false);
        self->CommitLent(
            std::make_shared<const std::string>(*std::move(bytes)));
      });
}

void SegmentCall::CommitLent(SharedBytes saved) {
  computed_.source = SegmentSource::kShared;
  if (lent_memory_ != nullptr) {
    session_->context().tiers->Restored(lent_memory_, nullptr, saved);
  }
  lenders_.clear();
  task_ = StepTask();
  CommitStep(std::move(saved));
}

void SegmentCall::Lend() {
  PrefixIndex* const prefixes = session_->context().prefixes;
  if (prefixes == nullptr || !session_->trusted()) return;
  prefixes->Add(SharedKey(), session_);
}

}  // namespace mneme
