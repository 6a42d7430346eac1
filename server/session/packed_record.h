#ifndef MNEME_SERVER_SESSION_PACKED_RECORD_H_
#define MNEME_SERVER_SESSION_PACKED_RECORD_H_

#include <string>

#include "absl/strings/string_view.h"
#include "server/session/session_record.h"

namespace mneme {

// The numbers of a record in few bytes, since there is one record a session:
// its policy, trust, instants and TTLs, and of each retained value all but the
// digest. Each number takes a byte for seven of its bits (LEB128), the lowest
// first; one that may be negative is doubled, with its sign at the end:
//
//   flags       u8: policy, and kTrusted, kIdle, kMaxAge, kInOrder
//   created     signed, microseconds since 1970
//   last use    signed, microseconds since `created`
//   idle TTL    microseconds, if kIdle
//   maximum age microseconds, and what is left of it, signed, if kMaxAge
//   and for each value:
//     steps since the value before (of the first: its step), times four, plus
//     two if a message started from it, plus one if it is pinned
//     bytes of its replies
//     the message's number, if one started from it, unless kInOrder: then they
//     are counted
//
// Pure functions.
std::string PackNumbers(const SessionRecord& record);
// False: `bytes` are not such. Else they are, and nothing else; there is a
// value at least, and steps ascend.
bool UnpackNumbers(absl::string_view bytes, SessionRecord* record);

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_PACKED_RECORD_H_
