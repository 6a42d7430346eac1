#ifndef MNEME_SERVER_STORE_REDIS_SCRIPTS_H_
#define MNEME_SERVER_STORE_REDIS_SCRIPTS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/store/redis_connection.h"

namespace mneme {

// A script that runs inside Redis: whole, and with no other command in between.
// Immutable, hence thread-safe.
class RedisScript {
 public:
  explicit RedisScript(std::string text);

  // EVALSHA with these keys and arguments.
  RedisCommand Call(const std::vector<std::string>& keys,
                    const std::vector<std::string>& arguments) const;
  // SCRIPT LOAD, without which the call is NOSCRIPT.
  RedisCommand Load() const { return {"SCRIPT", "LOAD", text_}; }

 private:
  const std::string text_;
  const std::string sha1_;
};

// All scripts of the store. The keys of one call share a slot of Redis Cluster;
// names of values are made inside, of the family's prefix, and share it too.
// A record is read as entry_format.h lays it out. Step numbers must be less
// than 2^53: Lua's numbers are doubles. What each returns is a list whose first
// element is a word.
struct RedisScripts {
  // Of the index of a session. KEYS index.
  //
  // ARGV root, three random digits, old root, old claim: reserves the session
  // id for a record of this root, if it is free or (unless they are empty)
  // still reserved as the old ones say. "claimed", claim | "taken", root, claim
  RedisScript claim;
  // ARGV root, claim: takes that reservation back. "ok"
  RedisScript release;
  // ARGV tombstone, or empty for none: replaces the tombstone. "ok", root,
  // claim: empty where there are none
  RedisScript bury;

  // Of the record of a session in its family. KEYS record, closed claims.
  //
  // ARGV claim: no record is ever made with this claim. "closed" | "stored",
  // record: there is one already
  RedisScript close;
  // KEYS record: bumps the epoch. "ok", record, epoch | "none"
  RedisScript acquire;
  // KEYS record, replies, counts, members, closed claims, parent's record (for
  // a fork). ARGV family prefix, session id, epoch (a new record: the claim,
  // which becomes its epoch), expected head or empty, "1" unless the commit
  // contradicts itself, new record, count of values, each digest and bytes,
  // count of replies, each step and bytes.
  // "ok" | "refused", record, parent's record: by the rules of CheckCommit, or
  // because the family lacks a value that they claim to hold; empty where there
  // are none | "closed": the claim is | "fenced", epoch
  RedisScript commit;
  // KEYS record, replies, counts, members. ARGV family prefix, session id,
  // epoch, "1" when the record is damaged: then values are counted anew.
  // "ok" | "none" | "fenced", epoch
  RedisScript remove;

  // SCRIPT LOAD of each, for a new connection.
  std::vector<RedisCommand> Load() const;
  static const RedisScripts& Get();
};

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_REDIS_SCRIPTS_H_
