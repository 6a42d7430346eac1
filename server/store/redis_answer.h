#ifndef MNEME_SERVER_STORE_REDIS_ANSWER_H_
#define MNEME_SERVER_STORE_REDIS_ANSWER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/store/memory_store.h"
#include "server/store/redis_reply.h"

namespace mneme {

// What goes to the scripts, and what they answer (redis_scripts.h). Pure.

std::string Bytes(const Root& root);
std::string Micros(absl::Duration duration);

// The first element. REQUIRES: there is one.
const std::string& Word(const RedisReply& reply);
// 0: it is no number.
absl::Duration ParseMicros(const std::string& text);
// DATA_LOSS: the bytes are no root.
absl::StatusOr<Root> RootInIndex(const SessionKey& session,
                                 absl::string_view bytes);
// NOT_OWNER, from "held", how long.
absl::Status HeldElsewhere(const SessionKey& session, const RedisReply& reply);

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_REDIS_ANSWER_H_
