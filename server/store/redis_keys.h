#ifndef MNEME_SERVER_STORE_REDIS_KEYS_H_
#define MNEME_SERVER_STORE_REDIS_KEYS_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "server/store/memory_store.h"

namespace mneme {

// The names of a store's keys in Redis. With T the tenant as "length:bytes" and
// S the session id's bytes:
//
//   prefix i:T:S          hash     r root, g claim: where the session's record
//                                  is or is to be; t its tombstone
//   prefix {root}T:s:S    hash     r record, e epoch, u when it was written, v
//                                  used; o owner, l the end of its lease, a who
//                                  acquired it last; w who asked for the
//                                  session, x until when (all times in us)
//   prefix {root}T:p:S    hash     step (decimal) -> reply
//   prefix {root}T:v      hash     digest -> value
//   prefix {root}T:c      hash     digest -> how many sessions hold it
//   prefix {root}T:m      set      ids of the family's sessions
//   prefix {root}T:x      set      claims that may not be used any more
//   prefix {all}l:T       zset     ids of the tenant's sessions, in order
//   prefix {all}due       zset     indexes by when to look at them next (us)
//   prefix {all}notes     stream   n note; the ids count up, one by one
//   prefix {all}noted     string   the last of these ids (begins with the time)
//   prefix erase          zset     marks of removals whose bytes may be left
//
// {root} is 32 hexadecimal digits in braces: a hash tag, so all of a family is
// in one slot. Records, replies, values and tombstones are framed and
// checksummed under the keys of entry_format.h. Thread-safe: immutable.
class RedisKeys {
 public:
  // REQUIRES: no braces in `prefix`.
  explicit RedisKeys(std::string prefix) : prefix_(std::move(prefix)) {}

  std::string Index(const SessionKey& session) const;
  // The session in the name of an index key; nullopt: it is none.
  std::optional<SessionKey> ParseIndex(absl::string_view key) const;
  // For SCAN: matches every index key.
  std::string IndexPattern() const;

  std::string Record(const SessionKey& session, const Root& root) const;
  std::string Replies(const SessionKey& session, const Root& root) const;
  std::string ClosedClaims(const SessionKey& session, const Root& root) const;
  std::string Counts(const std::string& tenant, const Root& root) const;
  std::string Members(const std::string& tenant, const Root& root) const;
  std::string Values(const std::string& tenant, const Root& root) const;

  std::string Sessions(const std::string& tenant) const;
  std::string Due() const { return prefix_ + "{all}due"; }
  std::string Notes() const { return prefix_ + "{all}notes"; }
  std::string NoteCount() const { return prefix_ + "{all}noted"; }

  // Of RedisEraser: by when they were made (s).
  std::string EraseMarks() const { return prefix_ + "erase"; }

  // Written by Flush, so that there is something to wait for.
  std::string FlushMark() const { return prefix_ + "flush"; }

 private:
  // What the keys of the family begin with.
  std::string Family(const std::string& tenant, const Root& root) const;

  const std::string prefix_;
};

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_REDIS_KEYS_H_
