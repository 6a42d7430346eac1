#ifndef MNEME_SERVER_RPC_MESSAGE_BYTES_H_
#define MNEME_SERVER_RPC_MESSAGE_BYTES_H_

#include <google/protobuf/message.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/byte_buffer.h>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace mneme {

// Protobuf messages from and to the bytes of a call. The services take bytes,
// since gRPC answers what it cannot parse itself with UNIMPLEMENTED and no text
// in a unary call, and takes it for the client's half-close in a stream.
// Thread-safe.

// INVALID_ARGUMENT for a field that came with another wire type than it has: as
// protobuf takes it for a field that it does not know, it would be lost
// silently. (Packed floats have the wire type of packed integers: those nobody
// can tell.) Fields that the API does not have are let through, as in any
// protobuf service.
absl::Status CheckWireTypes(const google::protobuf::Message& message);

// INVALID_ARGUMENT: the bytes are no such message. `message` is then undefined.
template <class Message>
absl::Status ParseMessage(grpc::ByteBuffer bytes, Message* message) {
  if (grpc::SerializationTraits<Message>::Deserialize(&bytes, message).ok()) {
    return CheckWireTypes(*message);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the request's bytes are not a message ",
                   Message::descriptor()->full_name(),
                   " (of a string, they have to be UTF-8)"));
}

template <class Message>
absl::StatusOr<Message> ParseMessage(const grpc::ByteBuffer& bytes) {
  Message message;
  absl::Status status = ParseMessage(bytes, &message);
  if (!status.ok()) return status;
  return message;
}

// REQUIRES: the message is below 2 GiB.
template <class Message>
grpc::ByteBuffer MessageBytes(const Message& message) {
  grpc::ByteBuffer bytes;
  bool own_buffer = false;
  grpc::SerializationTraits<Message>::Serialize(message, &bytes, &own_buffer)
      .IgnoreError();
  return bytes;
}

}  // namespace mneme

#endif  // MNEME_SERVER_RPC_MESSAGE_BYTES_H_
