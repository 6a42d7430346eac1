#ifndef MNEME_SERVER_STORE_COMMIT_CHECK_H_
#define MNEME_SERVER_STORE_COMMIT_CHECK_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "server/store/memory_store.h"

namespace mneme {

// The rules that every store applies to a commit. `stored` is the session's
// record (nullopt: it has none), `parent` that of commit.parent. Thread-safe: a
// pure function.
//
// INVALID_ARGUMENT: the commit contradicts itself.
// ALREADY_EXISTS: there must be no record, and there is one.
// ABORTED: the record is missing, or has another head than expected; the parent
// is missing, or does not hold what the fork is to hold.
// FAILED_PRECONDITION: the session, or a fork, would move between memory and
// disk.
absl::Status CheckCommit(const Commit& commit,
                         const std::optional<StoredRecord>& stored,
                         const std::optional<StoredRecord>& parent);

bool Holds(const StoredRecord& record, const Digest& value);

// For error messages, with unprintable bytes escaped.
std::string Describe(const SessionKey& key);
std::string Describe(const ValueKey& key);
std::string Describe(const ReplyKey& key);

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_COMMIT_CHECK_H_
