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
  const std::string& sha1() const { return sha1_; }
  const std::string& text() const { return text_; }
  // SCRIPT LOAD, without which the call is NOSCRIPT.
  RedisCommand Load() const { return {"SCRIPT", "LOAD", text_}; }

 private:
  const std::string text_;
  const std::string sha1_;
};

// All scripts of the store. What a call touches is in its KEYS, and shares a
// slot of Redis Cluster: so where that slot is being moved, the call either
// runs whole or not at all (TRYAGAIN). A record is read as entry_format.h lays
// it out. Step numbers must be less than 2^53: Lua's numbers are doubles. What
// each returns is a list whose first element is a word.
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
  // KEYS record. ARGV owner, lease (us), the epoch that the owner knows or
  // empty, how long it wants the session (us; 0: not if another holds it). The
  // epoch grows, so that whatever was sent before comes too late. Who wants it
  // uses it. "ok", record, epoch, age of the record (us), how long ago it was
  // used (us), "moved" if the epoch was another, "other" if another owner
  // acquired it last | "none" |
  // "held", how long yet (us): by another, who is asked to release it. That
  // can be one that asked before, if the owner acquires what it has already
  RedisScript acquire;
  // KEYS record. ARGV owner: changes nothing. "ok", record, how long another
  // holds it yet (us; 0: nobody else does), age of the record (us), how long
  // ago it was used (us) | "none"
  RedisScript look;
  // KEYS record, replies, counts, members, values, closed claims, parent's
  // record (for a fork). ARGV session id, epoch (a new record: the claim, which
  // becomes its epoch), expected head or empty, "1" unless the commit
  // contradicts itself, new record, owner, lease (us), count of values, each
  // digest and bytes, count of replies, each step and bytes.
  // "ok": the lease begins anew | "ok", "released": another asked for the
  // session, and holds it now | "refused", record, parent's record: by the
  // rules of CheckCommit, or because the family lacks a value that they claim
  // to hold; empty where there are none | "closed": the claim is | "fenced",
  // epoch
  RedisScript commit;
  // KEYS record, replies, counts, members, values. ARGV session id, epoch, "1"
  // when the record is damaged: then values are counted anew, from the records
  // of the other members, which are in KEYS too, their ids in ARGV.
  // "ok" | "none" | "fenced", epoch | "changed": these are not the others
  RedisScript remove;

  // Of the directory (redis_directory.h). KEYS due, sessions of the tenant.
  //
  // ARGV index, session id, delay (us), "1" to list it, the score that it has
  // or empty: it is due after that; without a score, if it is listed and not
  // due sooner. "ok" | "changed": it has another score
  RedisScript remind;
  // KEYS index. ARGV tombstone: removes it, if it is this one. "ok"
  RedisScript unbury;
  // ARGV index, session id, score or empty if it has none, "1" to leave it in
  // due: takes it out, unless it was made due anew since. "ok" | "changed"
  RedisScript forget;
  // KEYS due. ARGV limit: indexes that are due, each followed by its score.
  RedisScript due;
  // KEYS notes, their count, due. ARGV how many to keep (about) and for how
  // long (s) if no others come; for each note its text, an index or empty, and
  // the text instead of it where that index is not in due: "ok"
  RedisScript tell;
  // KEYS notes, their count. ARGV mark or empty, limit: "ok", the next mark,
  // "missed" if notes after that mark are gone, or may be; those that are there
  RedisScript hear;

  // SCRIPT LOAD of each, for a new connection.
  std::vector<RedisCommand> Load() const;
  std::vector<const RedisScript*> All() const;
  // nullptr: it is none of these.
  const std::string* FindText(const std::string& sha1) const;
  static const RedisScripts& Get();
};

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_REDIS_SCRIPTS_H_
