#ifndef MNEME_CLIENT_WIRE_H_
#define MNEME_CLIENT_WIRE_H_

#include "client/handle.h"
#include "client/kept_input.h"
#include "client/segment_message.h"
#include "client/segment_result.h"
#include "client/session_info.h"
#include "client/session_stream.h"
#include "client/stream_ledger.h"
#include "mneme/v1/models.pb.h"
#include "mneme/v1/segments.pb.h"
#include "mneme/v1/sessions.pb.h"

// Between this library's values and the API's messages. Internal to client/.
// Functions of values: thread-safe.
namespace mneme::client {

MemoryHandle FromWire(const v1::MemoryHandle& wire);
v1::MemoryHandle ToWire(const MemoryHandle& handle);
MemoryHandle FromWire(const v1::CloseSessionResponse& wire);
SessionInfo FromWire(const v1::Session& wire);
ModelInfo FromWire(const v1::Model& wire);
SegmentResult FromWire(const v1::AppliedSegment& wire);
StreamReply FromWire(const v1::SegmentReply& wire);
v1::OpenSessionRequest ToWire(const SessionSpec& spec);
v1::Durability ToWire(Durability durability);
v1::Priority ToWire(Priority priority);
// Without a session id.
v1::TouchSessionRequest ToWire(const SessionChanges& changes);

// One request of a stream. The first of a call says where it goes (`at`, tail
// 0), which outputs are wanted, and the priority.
v1::SegmentRequest MakeRequest(const KeptInput::Message& message,
                               const StreamOptions& options,
                               const MemoryHandle* at);
// The same as a call of its own.
v1::SegmentRequest MakeRequest(const SegmentMessage& message);

}  // namespace mneme::client

#endif  // MNEME_CLIENT_WIRE_H_
