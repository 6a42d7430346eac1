#include "server/session/placement.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "server/base/error_info.h"
#include "server/base/quoted.h"
#include "server/base/status_macros.h"
#include "server/session/lineage.h"

namespace mneme {
namespace {

using Tokens = absl::Span<const int32_t>;

absl::Status Conflict(const StreamState& state, absl::string_view why) {
  return VersionConflict(state.HeadPosition(), why);
}

// Where `at.handle` stands. Between retained values it is taken at its word
// here, and checked with its kept reply (Placement::unverified).
absl::StatusOr<RetainedStep> FindStart(const StreamState& state,
                                       const MemoryHandle& handle) {
  if (handle.session_id != state.session_id) {
    return absl::InvalidArgumentError(
        absl::StrCat("at.handle: it names session ", Quoted(handle.session_id),
                     ", expected ", Quoted(state.session_id)));
  }
  const uint64_t oldest = state.first_reply - 1;
  if (handle.step < oldest) return NotRetained(handle.step, oldest);
  if (handle.step > state.retained.back().step) {
    return Conflict(state, "at.handle: the session has not come so far");
  }
  const RetainedStep* known = FindStep(state.retained, handle.step);
  if (known != nullptr && known->digest != handle.digest) {
    return Conflict(state, "at.handle: the session took other tokens");
  }
  return RetainedStep{handle.step, handle.digest};
}

// Matches tokens with the segments applied after `at`. Advances both; leaves
// the tokens that fill no segment.
absl::Status Replay(const StreamState& state, const SegmentRequest& request,
                    RetainedStep* at, Tokens* tokens, Placement* placement) {
  const auto size = static_cast<size_t>(state.segment_size);
  while (at->step < state.retained.back().step && !tokens->empty()) {
    size_t take = size;
    if (tokens->size() < size) {
      if (!request.flush_tail.has_value()) return absl::OkStatus();
      take = tokens->size();
      if (take != *request.flush_tail) {
        return Conflict(state, "flush.tail: another tail was expected");
      }
    }
    const Tokens segment = tokens->subspan(0, take);
    const RetainedStep applied = {
        at->step + 1, NextDigest(at->digest, segment, state.step_flags)};
    const RetainedStep* known = FindStep(state.retained, applied.step);
    if (known != nullptr && known->digest != applied.digest) {
      return Conflict(state, absl::StrCat("tokens: step ", applied.step,
                                          " was made of other tokens"));
    }
    placement->replays.push_back(
        {applied, *at, {segment.begin(), segment.end()}});
    tokens->remove_prefix(take);
    *at = applied;
  }
  return absl::OkStatus();
}

// Cuts (tail + tokens) into segments, and the last short one on a flush.
absl::Status Cut(const StreamState& state, const SegmentRequest& request,
                 Tokens tokens, Placement* placement) {
  std::vector<int32_t> all = state.tail;
  all.insert(all.end(), tokens.begin(), tokens.end());
  const auto size = static_cast<size_t>(state.segment_size);
  Tokens rest = all;
  while (rest.size() >= size) {
    placement->segments.emplace_back(rest.begin(), rest.begin() + size);
    rest.remove_prefix(size);
  }
  if (request.flush_tail.has_value() && !rest.empty()) {
    if (rest.size() != *request.flush_tail) {
      return Conflict(state,
                      absl::StrCat("flush.tail: expected ", *request.flush_tail,
                                   " tokens, there would be ", rest.size()));
    }
    placement->segments.emplace_back(rest.begin(), rest.end());
    rest = {};
  }
  placement->tail.assign(rest.begin(), rest.end());
  placement->next_tail = placement->tail.size();
  return absl::OkStatus();
}

// At the head, `skip` tokens into the tail: what overlaps the tail is compared
// and skipped, the rest is appended and cut.
absl::Status Append(const StreamState& state, const SegmentRequest& request,
                    uint64_t skip, Tokens tokens, Placement* placement) {
  if (skip > state.tail.size()) {
    return Conflict(state, absl::StrCat("at.tail: ", skip,
                                        " tokens, the server has fewer"));
  }
  const size_t overlap =
      std::min<size_t>(state.tail.size() - skip, tokens.size());
  if (!std::equal(tokens.begin(), tokens.begin() + overlap,
                  state.tail.begin() + static_cast<ptrdiff_t>(skip))) {
    return Conflict(state, "tokens: the tail holds other tokens");
  }
  tokens.remove_prefix(overlap);
  const uint64_t end = skip + overlap;
  if (end == state.tail.size()) return Cut(state, request, tokens, placement);
  if (request.flush_tail.has_value() && end > 0) {
    return Conflict(state, "flush: the tail goes on after these tokens");
  }
  placement->tail = state.tail;
  placement->next_tail = end;
  return absl::OkStatus();
}

}  // namespace

absl::Status VersionConflict(const Position& head, absl::string_view why) {
  ErrorInfo info;
  info.reason = "VERSION_CONFLICT";
  info.metadata["head"] = head.handle.ToString();
  info.metadata["tail"] = absl::StrCat(head.tail);
  return MakeError(
      absl::StatusCode::kAborted,
      absl::StrCat(why, "; the session is at ", info.metadata["head"],
                   " with a tail of ", head.tail, " tokens"),
      info);
}

absl::Status NotRetained(uint64_t step, uint64_t oldest) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition, "NOT_RETAINED",
      absl::StrCat("at.handle: step ", step,
                   " is no longer retained; the oldest is step ", oldest));
}

Position StreamState::HeadPosition() const {
  Position position;
  position.handle.session_id = session_id;
  position.handle.step = retained.back().step;
  position.handle.digest = retained.back().digest;
  position.tail = tail.size();
  return position;
}

absl::StatusOr<Placement> Place(const StreamState& state, const Cursor& cursor,
                                const SegmentRequest& request) {
  Placement placement;
  const bool continues = cursor.started && !request.at.has_value();
  if (!request.at.has_value() && (!continues || cursor.blind)) {
    RETURN_IF_ERROR(
        Append(state, request, state.tail.size(), request.tokens, &placement));
    return placement;
  }
  const Position& at = continues ? cursor.next : *request.at;
  std::vector<int32_t> all =
      continues ? cursor.pending : std::vector<int32_t>{};
  all.insert(all.end(), request.tokens.begin(), request.tokens.end());
  Tokens tokens = all;
  ASSIGN_OR_RETURN(RetainedStep start, FindStart(state, at.handle));
  if (FindStep(state.retained, start.step) == nullptr) {
    placement.unverified = start;
  }
  const uint64_t head = state.retained.back().step;
  uint64_t skip = at.tail;
  if (start.step < head) {
    if (at.tail != 0) {
      return Conflict(state,
                      "at.tail: the head has moved on; resend from the "
                      "handle with a tail of 0");
    }
    RETURN_IF_ERROR(Replay(state, request, &start, &tokens, &placement));
    skip = 0;
  }
  if (start.step < head) {
    placement.reaches_head = false;
    placement.behind = start;
    placement.pending.assign(tokens.begin(), tokens.end());
    return placement;
  }
  RETURN_IF_ERROR(Append(state, request, skip, tokens, &placement));
  return placement;
}

}  // namespace mneme
