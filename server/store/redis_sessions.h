#ifndef MNEME_SERVER_STORE_REDIS_SESSIONS_H_
#define MNEME_SERVER_STORE_REDIS_SESSIONS_H_

#include <map>
#include <optional>
#include <random>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
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
// Each record has an epoch, which starts as its claim and grows with each
// Acquire. This process may commit to a record while the epoch is the one it
// knows. What it knew when another process took over it keeps: it stays fenced
// until it acquires the session itself.
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

  // Neither is owned; both outlive this.
  RedisSessions(RedisConnection* connection, const RedisKeys* keys)
      : connection_(connection), keys_(keys), random_(std::random_device()()) {}

  // nullptr: this process never had it.
  const Owned* FindOwned(const SessionKey& session) const;
  void Own(const SessionKey& session, Owned owned) {
    owned_.insert_or_assign(session, std::move(owned));
  }
  void Disown(const SessionKey& session) { owned_.erase(session); }

  // The session's record, wherever it is. DATA_LOSS: it is damaged.
  absl::StatusOr<std::optional<StoredRecord>> Find(const SessionKey& session);

  RedisCommand ClaimCommand(const SessionKey& session, const Root& root,
                            const Claim& old = {});
  // The claim with which `commit`, which wants a new session, may make its
  // record, after ClaimCommand replied `reply`; else why it may not.
  absl::StatusOr<std::string> Claimed(const Commit& commit, RedisReply reply);
  RedisCommand ReleaseCommand(const SessionKey& session, const Claim& claim);

  RedisCommand AcquireCommand(const SessionKey& session, const Root& root);
  // Takes the reply in: this process owns the session now, unless its record is
  // damaged (DATA_LOSS). nullopt: there is no record.
  absl::StatusOr<std::optional<StoredRecord>> Acquired(
      const SessionKey& session, const Root& root, const RedisReply& reply);
  // Both, of whatever family it is. NOT_FOUND: there is no such session.
  absl::StatusOr<StoredRecord> Acquire(const SessionKey& session);

  // Removes the session, also a damaged one, and leaves the framed tombstone.
  // Whether what was removed was kSync or unknown. ABORTED: it is another's.
  absl::StatusOr<bool> Remove(const SessionKey& session,
                              const std::string& tombstone);
  absl::Status RemoveTombstone(const SessionKey& session);

 private:
  absl::StatusOr<Claim> ReadIndex(const SessionKey& session);
  absl::StatusOr<RedisReply> ReadRecordOf(const SessionKey& session,
                                          const Root& root);
  absl::StatusOr<bool> RemoveRecord(const SessionKey& session,
                                    const Claim& claim);
  // Empty: there is no record.
  absl::StatusOr<std::string> EpochToRemove(const SessionKey& session,
                                            const Root& root);
  absl::Status CloseClaim(const SessionKey& session, const Claim& claim);

  RedisConnection* const connection_;
  const RedisKeys* const keys_;
  std::mt19937 random_;
  std::map<SessionKey, Owned> owned_;
};

// ABORTED, with reason NOT_OWNER.
absl::Status NotOwner(const SessionKey& session);

// nullopt: not the bytes of a root.
std::optional<Root> ParseRoot(absl::string_view bytes);

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_REDIS_SESSIONS_H_
