#ifndef MNEME_SERVER_RPC_WRITE_REPLY_H_
#define MNEME_SERVER_RPC_WRITE_REPLY_H_

#include "mneme/v1/models.pb.h"
#include "mneme/v1/segments.pb.h"
#include "mneme/v1/sessions.pb.h"
#include "mneme/v1/types.pb.h"
#include "model/sequence_model.h"
#include "server/session/segment.h"
#include "server/session/session_info.h"

namespace mneme {

// Values of the session layer -> replies. Each fills an empty message. The
// bytes of tensors are moved, not copied. Each touches its arguments only: any
// thread may call them, on messages of its own.
void WriteReply(SegmentReply reply, v1::SegmentReply* message);
void WriteHandle(const MemoryHandle& handle, v1::MemoryHandle* message);
void WriteSession(const SessionInfo& info, v1::Session* message);
// `device` is where the server runs its models.
void WriteModel(const ModelSpec& spec, const std::string& device,
                v1::Model* message);

}  // namespace mneme

#endif  // MNEME_SERVER_RPC_WRITE_REPLY_H_
