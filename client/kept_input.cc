#include "client/kept_input.h"

#include <algorithm>

namespace mneme::client {

void KeptInput::Append(absl::Span<const int32_t> tokens) {
  size_ += tokens.size();
  unsent_ += tokens.size();
  while (!tokens.empty()) {
    if (segments_.empty() || Ended(segments_.back())) {
      segments_.emplace_back();
      segments_.back().tokens.reserve(segment_size_);
    }
    std::vector<int32_t>& last = segments_.back().tokens;
    size_t n = std::min(tokens.size(), segment_size_ - last.size());
    last.insert(last.end(), tokens.begin(),
                tokens.begin() + static_cast<ptrdiff_t>(n));
    tokens.remove_prefix(n);
  }
}

void KeptInput::Flush() {
  if (!segments_.empty() && !Ended(segments_.back())) {
    segments_.back().flushed = true;
  }
}

absl::optional<KeptInput::Message> KeptInput::Next(size_t max_tokens) {
  Message message;
  while (cursor_.step - first_step_ < segments_.size()) {
    const Segment& segment = segments_[cursor_.step - first_step_];
    size_t n = std::min(max_tokens - message.tokens.size(),
                        segment.tokens.size() - cursor_.offset);
    auto begin = segment.tokens.begin() + cursor_.offset;
    message.tokens.insert(message.tokens.end(), begin,
                          begin + static_cast<ptrdiff_t>(n));
    cursor_.offset += static_cast<uint32_t>(n);
    unsent_ -= n;
    if (cursor_.offset < segment.tokens.size() || !Ended(segment)) break;
    if (segment.flushed) message.flush_tail = cursor_.offset;
    EndSegment();
    if (segment.flushed || message.tokens.size() == max_tokens) break;
  }
  if (message.tokens.empty() && !message.flush_tail) return absl::nullopt;
  message.end = cursor_;
  return message;
}

void KeptInput::ForgetBefore(uint64_t step) {
  while (first_step_ < step && !segments_.empty()) {
    size_ -= segments_.front().tokens.size();
    segments_.pop_front();
    ++first_step_;
  }
}

bool KeptInput::all_sent() const {
  if (unsent_ > 0) return false;
  size_t index = cursor_.step - first_step_;
  return index >= segments_.size() || !segments_[index].flushed;
}

}  // namespace mneme::client
