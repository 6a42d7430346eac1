#ifndef MNEME_SERVER_STORE_COMMIT_CHECK_H_
#define MNEME_SERVER_STORE_COMMIT_CHECK_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "server/store/memory_store.h"

namespace mneme {

// What the rules below need to know of a stored record.
struct StoredHead {
  Digest head{};
  Durability durability = Durability::kSync;
};

// The rules that every store applies to a commit, given the session's stored
// head (nullopt: it has no record). Thread-safe: pure functions.
//
// INVALID_ARGUMENT: a put or delete belongs to another session.
// ALREADY_EXISTS: there must be no record, and there is one.
// ABORTED: the record is missing, or has another head than expected.
// FAILED_PRECONDITION: the session would move between memory and disk.
absl::Status CheckCommit(const Commit& commit,
                         const std::optional<StoredHead>& stored);

// For error messages, with unprintable bytes escaped.
std::string Describe(const SessionKey& key);
std::string Describe(const ObjectKey& key);

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_COMMIT_CHECK_H_
