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
  lender_ = prefixes->Find(SharedKey());
  if (lender_ == nullptr) return Compute();
  if (!lender_->IsRetained(applying_)) return ComputeInstead();
  if (request_.outputs.names.empty()) return TakeValue();
  session_->context().writer->ReadReply(
      {lender_->key(), applying_.step},
      [self = shared_from_this()](const absl::StatusOr<std::string>& bytes) {
        self->OnLentReply(bytes);
      });
}

void SegmentCall::OnLentReply(const absl::StatusOr<std::string>& bytes) {
  if (!bytes.ok()) return ComputeInstead();
  absl::StatusOr<KeptReply> kept = DecodeKeptReply(*bytes);
  if (!kept.ok() || kept->digest != applying_.digest) return ComputeInstead();
  // While it is not closing nobody else has its id: the reply is its own.
  if (lender_->is_closing()) return ComputeInstead();
  if (!Answers(*kept, request_.outputs, request_.extra_inputs)) {
    return ComputeInstead();
  }
  computed_.outputs = std::move(kept->outputs);
  TakeValue();
}

void SegmentCall::TakeValue() {
  MemoryTiers::AtHand at_hand;
  lent_memory_ = lender_->MemoryOf(applying_);
  if (lent_memory_ != nullptr) {
    at_hand = session_->context().tiers->Use(lent_memory_);
  }
  if (at_hand.saved != nullptr) return CommitLent(std::move(at_hand.saved));
  session_->context().writer->ReadValue(
      lender_->KeyOf(applying_.digest),
      [self = shared_from_this()](absl::StatusOr<std::string> bytes) {
        if (!bytes.ok()) return self->ComputeInstead();
        self->CommitLent(
            std::make_shared<const std::string>(*std::move(bytes)));
      });
}

void SegmentCall::ComputeInstead() {
  session_->context().prefixes->Drop(SharedKey());
  lender_ = nullptr;
  lent_memory_ = nullptr;
  computed_.outputs.clear();
  Compute();
}

void SegmentCall::CommitLent(SharedBytes saved) {
  computed_.source = SegmentSource::kShared;
  if (lent_memory_ != nullptr) {
    session_->context().tiers->Restored(lent_memory_, nullptr, saved);
  }
  lender_ = nullptr;
  task_ = StepTask();
  CommitStep(std::move(saved));
}

void SegmentCall::Lend() {
  PrefixIndex* const prefixes = session_->context().prefixes;
  if (prefixes == nullptr || !session_->trusted()) return;
  prefixes->Add(SharedKey(), session_);
}

}  // namespace mneme
