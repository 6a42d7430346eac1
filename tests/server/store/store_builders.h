#ifndef MNEME_TESTS_SERVER_STORE_STORE_BUILDERS_H_
#define MNEME_TESTS_SERVER_STORE_STORE_BUILDERS_H_

// Short ways to write keys and commits in the tests of the stores.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/sha256.h"
#include "server/store/memory_store.h"

namespace mneme {

inline SessionKey Session(std::string id, std::string tenant = "default") {
  return {std::move(tenant), std::move(id)};
}

inline Digest DigestOf(absl::string_view text) {
  return Sha256().Update(text).Finish();
}

inline ObjectKey ValueKey(const SessionKey& session, int step) {
  return {session, absl::StrCat("value/", step)};
}

// What the tests put as the value of a step: a few hundred bytes to some
// kilobytes, different for every session and step.
inline std::string ValueOf(const SessionKey& session, int step) {
  std::string bytes =
      absl::StrCat(session.tenant, "/", session.session_id, "#", step, ":");
  const size_t size = 300 + static_cast<size_t>(step) * 7919 % 12000;
  while (bytes.size() < size) {
    bytes.push_back(
        static_cast<char>(bytes.size() * 31 + static_cast<size_t>(step)));
  }
  return bytes;
}

inline std::string RecordOf(const SessionKey& session, int step) {
  return absl::StrCat("record of ", session.session_id, " at step ", step);
}

inline Digest HeadOf(const SessionKey& session, int step) {
  return DigestOf(RecordOf(session, step));
}

// The commit that takes `session` from step - 1 to `step`: it puts the step's
// value and, from step 2 on, deletes that of two steps before.
inline Commit StepCommit(const SessionKey& session, int step,
                         Durability durability = Durability::kSync) {
  Commit commit;
  commit.session = session;
  if (step > 0) commit.expected_head = HeadOf(session, step - 1);
  commit.head = HeadOf(session, step);
  commit.record = RecordOf(session, step);
  commit.puts.push_back({ValueKey(session, step), ValueOf(session, step)});
  if (step >= 2) commit.deletes.push_back(ValueKey(session, step - 2));
  commit.durability = durability;
  return commit;
}

// The only status of a group of one.
inline absl::Status ApplyOne(MemoryStore* store, Commit commit) {
  std::vector<Commit> commits;
  commits.push_back(std::move(commit));
  return store->Apply(std::move(commits)).at(0);
}

}  // namespace mneme

#endif  // MNEME_TESTS_SERVER_STORE_STORE_BUILDERS_H_
