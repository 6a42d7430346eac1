#ifndef MNEME_SERVER_STORE_REDIS_SESSIONS_H_
#define MNEME_SERVER_STORE_REDIS_SESSIONS_H_

#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/store/memory_store.h"
#include "server/store/redis_connection.h"
#include "server/store/redis_keys.h"

namespace mneme {

// Where sessions are, whose they are, and how they come and go. A session's
// record lies in its family's slot; its index, by which it is found and which
// keeps its id unique, in another. No script sees both, so they change in an
// order that is right wherever it is broken off:
//
// - The index is first: a creator reserves the id there for its root, and gets
//   a claim, a number that never comes again. Then it commits the record with
//   that claim. So a record is only where its index points.
// - A creator that finds the id reserved looks for the record. If there is
//   none, it closes the claim first (a record is never made with it after
//   that, however late its owner wakes up) and then replaces the reservation,
//   if that is still the one it saw. A closed claim stays in Redis as a key of
//   some 100 bytes: one a creator that died between two commands.
// - To remove a session, its tombstone is written to the index first, where it
//   means nothing as long as there is a record; then the record goes, and with
//   it all that it holds; then the reservation, if it is still that one.
//
// Each record has an epoch, which starts as its claim and grows when another
// process acquires it. This process may commit to a record while the epoch is
// the one it knows. What it knew when another process took over it keeps: it
// stays fenced until it acquires the session itself.
//
// Who has a session holds it: until the lease after its last commit is over,
// others do not get it, but may ask for it. Then its next commit is its last,
// and hands the session over to the one that asked. The lease is a courtesy, so
// that owners do not interrupt each other; what is right hangs on the epoch
// alone.
//
// Used by one thread at a time; owned by RedisStore.
class RedisSessions {
 public:
  struct Owned {
    Root root{};
    std::string epoch;
  };
  // A reservation. root: raw bytes; both are empty where there is none.
  struct Claim {
    std::string root;
    std::string number;
  };

  struct Options {
    absl::Duration lease;
    // A session is to be looked at so long after it was made, by whoever lives
    // then: see RedisDirectory.
    absl::Duration look_after;
  };

  // Neither pointer is owned; both outlive this.
  RedisSessions(RedisConnection* connection, const RedisKeys* keys,
                const Options& options);

  // This process, as records name their owner: 128 random bits.
  const std::string& owner() const { return owner_; }
  // What a commit says of the lease.
  std::string lease() const;

  // nullptr: this process never had it, or gave it away.
  const Owned* FindOwned(const SessionKey& session) const;
  void Own(const SessionKey& session, Owned owned) {
    owned_.insert_or_assign(session, std::move(owned));
  }
  void Disown(const SessionKey& session) { owned_.erase(session); }
  // Another asked for it, and the commit just made was the last.
  void Release(const SessionKey& session) {
    Disown(session);
    released_.push_back(session);
  }
  std::vector<SessionKey> TakeReleased() {
    return std::exchange(released_, {});
  }

  // Goes before what makes a session.
  RedisCommand RemindCommand(const SessionKey& session) const;

  // The session's record, wherever it is. DATA_LOSS: it is damaged.
  absl::StatusOr<std::optional<StoredRecord>> Find(const SessionKey& session);

  RedisCommand ClaimCommand(const SessionKey& session, const Root& root,
                            const Claim& old = {});
  // The claim with which `commit`, which wants a new session, may make its
  // record, after ClaimCommand replied `reply`; else why it may not.
  absl::StatusOr<std::string> Claimed(const Commit& commit, RedisReply reply);
  RedisCommand ReleaseCommand(const SessionKey& session, const Claim& claim);

  RedisCommand AcquireCommand(const SessionKey& session, const Root& root,
                              MemoryStore::IfHeld if_held) const;
  // Takes the reply in: this process owns the session now, unless its record is
  // damaged (DATA_LOSS) or another holds it (UNAVAILABLE, NOT_OWNER). nullopt:
  // there is no record.
  absl::StatusOr<std::optional<MemoryStore::Reloaded>> Acquired(
      const SessionKey& session, const Root& root, const RedisReply& reply);
  // Both, of each, of whatever family it is. NOT_FOUND: there is no such
  // session.
  using Reloads = std::vector<absl::StatusOr<MemoryStore::Reloaded>>;
  Reloads AcquireAll(const std::vector<MemoryStore::ReloadRequest>& requests);

  // Removes the session, also a damaged one, and leaves the framed tombstone.
  // UNAVAILABLE (NOT_OWNER): it is another's.
  struct Removed {
    bool sync = true;  // what was removed was kSync or unknown
    // Its name has left the directory. If not, whoever looks at it next sees to
    // that, and EraseTombstone does.
    bool forgotten = false;
  };
  absl::StatusOr<Removed> Remove(const SessionKey& session,
                                 const std::string& tombstone);
  absl::Status RemoveTombstone(const SessionKey& session);
  // The same, and unless there is a session of that id again its name leaves
  // the directory, and what was broken off leaves too.
  absl::Status EraseTombstone(const SessionKey& session);

 private:
  // nullopt: there is none.
  using FoundRoot = absl::StatusOr<std::optional<Root>>;
  // Of each. A root that is known already is not read.
  absl::StatusOr<std::vector<FoundRoot>> FindRoots(
      const std::vector<MemoryStore::ReloadRequest>& requests, bool read_all);
  absl::StatusOr<Reloads> TryAcquireAll(
      const std::vector<MemoryStore::ReloadRequest>& requests, bool read_all);
  absl::StatusOr<Claim> ReadIndex(const SessionKey& session);
  absl::StatusOr<RedisReply> ReadRecordOf(const SessionKey& session,
                                          const Root& root);
  absl::StatusOr<bool> RemoveRecord(const SessionKey& session,
                                    const Claim& claim);
  absl::StatusOr<RedisCommand> RemoveCommand(const SessionKey& session,
                                             const Root& root,
                                             const std::string& epoch,
                                             bool whole);
  // Empty: there is no record.
  absl::StatusOr<std::string> EpochToRemove(const SessionKey& session,
                                            const Root& root);
  absl::Status CloseClaim(const SessionKey& session, const Claim& claim);

  // What leaves the directory once the session is removed; see forget.
  absl::StatusOr<std::string> ReadScore(const SessionKey& session);
  RedisCommand ForgetCommand(const SessionKey& session,
                             const std::string& score, bool keep_due) const;
  absl::Status ForgetName(const SessionKey& session);

  RedisConnection* const connection_;
  const RedisKeys* const keys_;
  const Options options_;
  std::random_device random_;
  const std::string owner_;
  std::map<SessionKey, Owned> owned_;
  std::vector<SessionKey> released_;
};

// UNAVAILABLE, with reason NOT_OWNER and a time to retry after.
absl::Status NotOwner(const SessionKey& session,
                      absl::Duration retry_after = absl::Milliseconds(100));

// nullopt: not the bytes of a root.
std::optional<Root> ParseRoot(absl::string_view bytes);

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_REDIS_SESSIONS_H_
