#ifndef MNEME_TESTS_SERVER_STORE_STORE_BUILDERS_H_
#define MNEME_TESTS_SERVER_STORE_STORE_BUILDERS_H_

// Short ways to write keys and commits in the tests of the stores.

#include <algorithm>
#include <memory>
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

// The family of a session that was opened, not forked.
inline Root RootOf(const SessionKey& session) {
  const Digest digest =
      DigestOf(absl::StrCat(session.tenant, "|", session.session_id));
  Root root;
  std::copy_n(digest.begin(), root.size(), root.begin());
  return root;
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

inline std::string ReplyOf(const SessionKey& session, int step) {
  return absl::StrCat("reply to ", session.session_id, " of step ", step);
}

inline Digest HeadOf(const SessionKey& session, int step) {
  return DigestOf(RecordOf(session, step));
}

inline SharedBytes Share(std::string bytes) {
  return std::make_shared<const std::string>(std::move(bytes));
}

inline ValueKey ValueAt(const SessionKey& session, int step) {
  return {session.tenant, RootOf(session), HeadOf(session, step)};
}

inline ReplyKey ReplyAt(const SessionKey& session, int step) {
  return {session, static_cast<uint64_t>(step)};
}

// The commit that takes `session` from step - 1 to `step`: it puts the step's
// value and reply, holds those of the step before too, and lets go of those
// before that.
inline Commit StepCommit(const SessionKey& session, int step,
                         Durability durability = Durability::kSync) {
  Commit commit;
  if (step > 0) commit.expected_head = HeadOf(session, step - 1);
  StoredRecord& record = commit.record;
  record.session = session;
  record.root = RootOf(session);
  record.durability = durability;
  record.head = HeadOf(session, step);
  record.bytes = RecordOf(session, step);
  const int oldest = std::max(step - 1, 0);
  for (int held = oldest; held <= step; ++held) {
    record.values.push_back(HeadOf(session, held));
  }
  record.replies = {static_cast<uint64_t>(oldest),
                    static_cast<uint64_t>(step) + 1};
  commit.values.push_back(
      {HeadOf(session, step), Share(ValueOf(session, step))});
  commit.replies.push_back(
      {static_cast<uint64_t>(step), ReplyOf(session, step)});
  return commit;
}

// Makes `fork` of `session`, at the value of `step`, of which it has no reply.
inline Commit ForkCommit(const SessionKey& session, int step,
                         const SessionKey& fork,
                         Durability durability = Durability::kSync) {
  Commit commit;
  commit.parent = session;
  StoredRecord& record = commit.record;
  record.session = fork;
  record.root = RootOf(session);
  record.durability = durability;
  record.head = HeadOf(session, step);
  record.values = {record.head};
  record.bytes = RecordOf(fork, step);
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
