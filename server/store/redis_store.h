#ifndef MNEME_SERVER_STORE_REDIS_STORE_H_
#define MNEME_SERVER_STORE_REDIS_STORE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"
#include "server/store/in_process_store.h"
#include "server/store/memory_store.h"
#include "server/store/redis_address.h"
#include "server/store/redis_batch.h"
#include "server/store/redis_connection.h"
#include "server/store/redis_directory.h"
#include "server/store/redis_eraser.h"
#include "server/store/redis_keys.h"
#include "server/store/redis_sessions.h"

namespace mneme {

// A store that several servers share: a Redis (7.0) or Valkey. Owns four
// connections: for changes, for reads, for the directory, for scrubs; kMemory
// sessions live in an InProcessStore inside and never reach it, so their ids
// are unique in this process only.
//
// redis_keys.h says what lies where, redis_sessions.h how sessions are found,
// made, owned and removed. A commit is one script, which applies the rules of
// CheckCommit and compares the epoch too: it is refused (UNAVAILABLE, reason
// NOT_OWNER) once another process has acquired the session. Who never touched
// a session acquires it with its first commit to it, or its removal; reading
// acquires nothing, and nobody acquires what another holds (redis_sessions.h).
// Who makes a session while another does may get NOT_OWNER too. Scripts cannot
// tell a damaged record by its checksum, so it
// is told when a session is acquired or read. Time is Redis's own.
//
// What is promised of an acknowledged kSync commit, with appendonly yes and
// appendfsync always (Open makes sure of both): it survives a kill and a
// restart of Redis and, with wait_replicas, the promotion of a replica that
// acknowledged it. What is not: the promotion of one that did not; an fsync
// that lies; eviction (Open refuses an allkeys policy). A kAsync commit is on
// Redis's disk too by then, but not waited for on replicas. Without offer_sync
// it is as durable as Redis is set to be, and kSync commits are refused
// (FAILED_PRECONDITION): that is for a Redis behind a proxy, where WAIT means
// nothing.
//
// Not supported, since hiredis 0.14 does not: TLS, and Redis Cluster but behind
// a proxy that speaks to it. (What a script touches shares a slot. LoadRecords
// does not work there: it scans one server.)
//
// Too few replicas, a lost connection and a late reply are UNAVAILABLE with
// reason STORE_DOWN: the commit may have happened, or may happen yet. A retry
// that finds it done is ABORTED, for the head is another then; Acquire() tells,
// and waits for the replicas, so what it returns is as durable as a commit.
//
// Thread-safe. Apply, Remove, Acquire and Flush wait for each other, reads for
// reads. Called by the store writer's thread, and by start-up.
class RedisStore : public MemoryStore {
 public:
  struct Options {
    RedisAddress address;
    // What every key begins with; stores with different ones do not meet. No
    // braces.
    std::string key_prefix = "mneme:";
    bool offer_sync = true;
    // It is a proxy (Envoy's) before a Redis Cluster. REQUIRES: not offer_sync.
    bool proxy = false;
    // How many replicas must have a kSync commit, and how long they have.
    int wait_replicas = 0;
    absl::Duration wait_timeout = absl::Seconds(1);
    absl::Duration connect_timeout = absl::Seconds(1);
    // More than wait_timeout. Less means less time lost with a Redis that
    // hangs.
    absl::Duration reply_timeout = absl::Seconds(5);
    // After a connect that failed, calls fail at once for so long.
    absl::Duration reconnect_pause = absl::Milliseconds(200);
    // How long others leave a session to this process after its last commit.
    // Less means that they wait less for one whose owner died.
    absl::Duration lease = absl::Seconds(1);
    // When the directory asks to look at a session that was made or acquired.
    absl::Duration look_after = absl::Minutes(1);
    Clock* clock = Clock::Real();  // not owned; outlives the store
  };

  // Connects. UNAVAILABLE: there is no Redis; FAILED_PRECONDITION: it is not
  // set as kSync needs it, or does not tell (CONFIG GET is not allowed), or is
  // a cluster; the message says what to set. INVALID_ARGUMENT: an option, by
  // name.
  static absl::StatusOr<std::unique_ptr<RedisStore>> Open(
      const Options& options);

  ~RedisStore() override;

  // Takes the session over: commits of its older owners are refused from now
  // on, and those of this process are not. Its record as it is then, on as many
  // replicas as a commit. UNAVAILABLE (NOT_OWNER): another process holds it,
  // and is asked to release it. NOT_FOUND: there is none; DATA_LOSS: it is
  // damaged. A kMemory session is always this process's own.
  absl::StatusOr<StoredRecord> Acquire(const SessionKey& session)
      ABSL_LOCKS_EXCLUDED(write_mu_);

  // Acquire, with kAsk.
  absl::StatusOr<Reloaded> Reload(const ReloadRequest& request) override
      ABSL_LOCKS_EXCLUDED(write_mu_);
  std::vector<absl::StatusOr<Reloaded>> ReloadAll(
      const std::vector<ReloadRequest>& requests) override
      ABSL_LOCKS_EXCLUDED(write_mu_);

  std::vector<absl::Status> Apply(std::vector<Commit> commits) override
      ABSL_LOCKS_EXCLUDED(write_mu_);
  absl::StatusOr<std::string> GetValue(const ValueKey& key) const override
      ABSL_LOCKS_EXCLUDED(read_mu_);
  absl::StatusOr<std::string> GetReply(const ReplyKey& key) const override
      ABSL_LOCKS_EXCLUDED(read_mu_);
  Values GetValues(const std::vector<ValueKey>& keys) const override
      ABSL_LOCKS_EXCLUDED(read_mu_);
  // UNAVAILABLE (NOT_OWNER) when another process has, or took, the session.
  absl::Status Remove(const SessionKey& session,
                      const std::string& tombstone) override
      ABSL_LOCKS_EXCLUDED(write_mu_);
  absl::Status RemoveTombstone(const SessionKey& session) override
      ABSL_LOCKS_EXCLUDED(write_mu_);
  // With one Redis that is reached directly: Scrub has it write its files anew
  // (redis_eraser.h). What a server that died noted is made up for by the next
  // Scrub of any. UNIMPLEMENTED behind a proxy, with replicas, and where
  // Redis lacks the commands for it. (Of a session whose making was broken off,
  // the id stays.)
  absl::Status MarkErase() override ABSL_LOCKS_EXCLUDED(write_mu_);
  absl::Status Scrub() override;
  // One snapshot a session, not of all.
  absl::StatusOr<Records> LoadRecords() const override
      ABSL_LOCKS_EXCLUDED(read_mu_);
  // With wait_replicas: waits until they have everything.
  absl::Status Flush() override ABSL_LOCKS_EXCLUDED(write_mu_);
  // Writes what Flush waits for; through a proxy, marks that lie on all nodes
  // of a cluster, of which one must work.
  absl::Status Probe() override ABSL_LOCKS_EXCLUDED(write_mu_);
  bool fails_in_parts() const override { return options_.proxy; }
  // Of commits that replicas have not been waited for.
  std::optional<absl::Duration> unsynced_since() const override
      ABSL_LOCKS_EXCLUDED(unsynced_mu_);
  SharedDirectory* directory() override { return &directory_; }
  absl::Duration lease() const override { return options_.lease; }
  std::vector<SessionKey> TakeReleased() override
      ABSL_LOCKS_EXCLUDED(write_mu_);
  void Forget(const SessionKey& session) override
      ABSL_LOCKS_EXCLUDED(write_mu_);

 private:
  explicit RedisStore(const Options& options);

  absl::Status CheckServer() ABSL_LOCKS_EXCLUDED(write_mu_);
  void RunBatch(RedisBatch* batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_);
  // Whether it is kMemory, or of a parent that is.
  bool ConcernsMemory(const Commit& commit) const;
  // Such a commit, of a session that is not in memory yet.
  absl::Status MakeInMemory(Commit commit)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_);
  // Waits until replicas have all that was written before this.
  absl::Status WaitForReplicas() ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_);
  void SetUnsynced(bool unsynced) ABSL_LOCKS_EXCLUDED(unsynced_mu_);

  const Options options_;
  const RedisKeys keys_;
  const RedisWait wait_;
  InProcessStore memory_;

  Mutex write_mu_;
  RedisConnection writer_ ABSL_GUARDED_BY(write_mu_);
  RedisSessions sessions_ ABSL_GUARDED_BY(write_mu_);
  RedisDirectory directory_;
  // Guarded by write_mu_, but for Scrub.
  RedisEraser eraser_;

  mutable Mutex read_mu_;
  mutable RedisConnection reader_ ABSL_GUARDED_BY(read_mu_);

  mutable Mutex unsynced_mu_;
  std::optional<absl::Duration> unsynced_since_ ABSL_GUARDED_BY(unsynced_mu_);
};

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_REDIS_STORE_H_
