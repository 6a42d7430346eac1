#ifndef MNEME_CLIENT_SEGMENT_MESSAGE_H_
#define MNEME_CLIENT_SEGMENT_MESSAGE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/optional.h"
#include "client/handle.h"
#include "client/segment_result.h"

namespace mneme::client {

// How one message asks for outputs (OutputRequest in the proto).
struct OutputSelection {
  std::vector<std::string> names;
  uint32_t top_k = 0;
  bool last_position_only = false;
};

// One message of a session, for a call of its own. A plain value.
struct SegmentMessage {
  // REQUIRED. The session's head, whose tail is empty, or an older handle that
  // it retains.
  MemoryHandle at;
  std::vector<int32_t> tokens;
  // Applies what is left as a short segment: the tail that it finds after these
  // tokens.
  absl::optional<uint32_t> flush_tail;
  OutputSelection outputs;
};

// A server's answer to one message (SegmentReply in the proto).
struct StreamReply {
  std::vector<SegmentResult> segments;
  MemoryHandle head;
  MemoryHandle durable;
  Position next;
};

}  // namespace mneme::client

#endif  // MNEME_CLIENT_SEGMENT_MESSAGE_H_
