#ifndef MNEME_SERVER_SESSION_SEGMENT_H_
#define MNEME_SERVER_SESSION_SEGMENT_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "model/sequence_model.h"
#include "server/schedule/waiting_segment.h"
#include "server/session/handle.h"
#include "server/session/session_record.h"

namespace mneme {

// The values that a message becomes on its way through the session layer. They
// mirror proto/mneme/v1/segments.proto, whose comments are the contract.

// What one message asks for.
struct SegmentRequest {
  std::optional<Position> at;
  std::vector<int32_t> tokens;  // ids of the model's vocabulary (checked)
  bool from_text = false;       // they came as `text`: what errors name
  std::optional<uint64_t> flush_tail;
  OutputRequest outputs;
  std::vector<NamedTokens> extra_inputs;
  Priority priority = Priority::kNormal;
  // On the monotonic clock: what cannot be done by then is dropped.
  absl::Duration deadline = absl::InfiniteDuration();
};

enum class SegmentSource {
  kComputed = 1,
  kKept = 2,
  kRecomputed = 3,
  kShared = 4,
};

struct SegmentTimings {
  absl::Duration queue;   // from when it could run to its batch
  absl::Duration device;  // the step
  absl::Duration commit;  // from step to durable
};

struct AppliedSegment {
  MemoryHandle handle;
  uint32_t num_tokens = 0;
  std::vector<HostTensor> outputs;
  SegmentSource source = SegmentSource::kComputed;
  SegmentTimings timings;
  int64_t batch_size = 0;
};

struct SegmentReply {
  std::vector<AppliedSegment> segments;
  Position head;         // the newest value, and the tokens accepted after it
  MemoryHandle durable;  // the newest that survives the session's durability
  Position next;         // where the next message goes
};

using SegmentDone = absl::AnyInvocable<void(absl::StatusOr<SegmentReply>) &&>;

// A segment that was applied before, found again in a message. If `applied` is
// not among the retained values, its kept reply must show the same digest.
struct ReplayedSegment {
  RetainedStep applied;
  RetainedStep parent;
  std::vector<int32_t> tokens;
};

// Where one caller's stream of messages stands. Made by the caller, one a
// stream (or one a unary call), and passed with each of its messages. Only the
// session's calls touch it, and they run one at a time.
struct Cursor {
  // Set when the caller is gone: what is queued for it is dropped.
  std::atomic<bool> cancelled{false};

  bool started = false;
  bool blind = false;  // the first message had no `at`
  Position next;       // of the messages so far
  // In a replay that has not caught up with the head: tokens after next.handle
  // that do not fill a segment yet; the segments that lead there from the
  // newest retained value, of which a step is computed once more if its reply
  // is not kept; and the last memory that was computed so, with its digest.
  std::vector<int32_t> pending;
  std::vector<ReplayedSegment> lead;
  Digest recomputed{};
  MemoryRef recomputed_memory;
};
using CursorRef = std::shared_ptr<Cursor>;

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_SEGMENT_H_
