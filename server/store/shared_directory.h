#ifndef MNEME_SERVER_STORE_SHARED_DIRECTORY_H_
#define MNEME_SERVER_STORE_SHARED_DIRECTORY_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/status_macros.h"
#include "server/store/memory_store.h"

namespace mneme {

// What is in a store that several servers share, asked without taking anything
// (MemoryStore::Reload takes). A server that shares its store knows of a
// session only what it had to do with it; here are all.
//
// It also says which sessions somebody should look at: those that no server may
// have, since the one that had them died, so that they end when they should.
// Who makes a session makes it due some time later, and whoever finds it due
// says when to look again.
//
// Sessions of durability kMemory are in no directory. Thread-safe; calls block,
// so they come from the store writer's thread for them.
class SharedDirectory {
 public:
  virtual ~SharedDirectory() = default;

  struct Entry {
    // nullopt: there is none. DATA_LOSS: it is damaged. Another error: it could
    // not be read, and nothing else here is known, as where one node of a
    // cluster is down: UNAVAILABLE (STORE_DOWN).
    absl::StatusOr<std::optional<StoredRecord>> record;
    std::string tombstone;  // if there is no record; empty: none
    // Another server has it, and may go on without asking, for so long yet.
    absl::Duration held;
    // What the record says is as durable as its session asks.
    bool durable = false;

    bool was_read() const {
      return record.ok() || absl::IsDataLoss(record.status());
    }
  };
  // One of each. UNAVAILABLE (STORE_DOWN): none could be read.
  virtual absl::StatusOr<std::vector<Entry>> Look(
      const std::vector<SessionKey>& sessions) = 0;
  // Of one session, which was read.
  absl::StatusOr<Entry> LookAt(const SessionKey& session) {
    ASSIGN_OR_RETURN(std::vector<Entry> entries, Look({session}));
    if (!entries[0].was_read()) return entries[0].record.status();
    return std::move(entries[0]);
  }

  // Ids of the tenant's sessions after `after`, in order, `limit` at most. Some
  // may be gone already.
  virtual absl::StatusOr<std::vector<std::string>> List(
      const std::string& tenant, const std::string& after, size_t limit) = 0;

  // A session that is due; `mark` changes whenever it is made due anew.
  struct Due {
    SessionKey session;
    std::string mark;
  };
  virtual absl::StatusOr<std::vector<Due>> FindDue(size_t limit) = 0;
  // Each is due again after `delay`, unless it has another mark; "": whatever
  // it has.
  struct Later {
    SessionKey session;
    absl::Duration delay;  // finite
    std::string mark;
  };
  virtual absl::Status AskLater(const std::vector<Later>& later) = 0;
  // There is nothing of it but this tombstone ("": none), whoever may still be
  // making it: that goes, and it is due no more, nor listed, unless it was made
  // due since.
  virtual absl::Status Forget(const Due& due, const std::string& tombstone) = 0;

  // Notes that the servers leave for each other. The newest some ten thousand
  // are kept, until for a minute none came. After UNAVAILABLE they may have
  // been left all the same.
  struct Note {
    std::string text;
    // Where this session is due no more, as one that was erased, `if_gone` is
    // left instead: it was, or is to be, the last trace.
    std::optional<SessionKey> of;
    std::string if_gone;
  };
  virtual absl::Status Tell(const std::vector<Note>& notes) = 0;
  struct Heard {
    std::vector<std::string> notes;  // in the order in which they were left
    std::string mark;                // the next `after`
    bool missed = false;             // some before them may be lost
  };
  // The notes after a mark, `limit` at most; "": none yet, but those that are
  // left from now on come after the mark that it gives.
  virtual absl::StatusOr<Heard> Hear(const std::string& after,
                                     size_t limit) = 0;
};

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_SHARED_DIRECTORY_H_
