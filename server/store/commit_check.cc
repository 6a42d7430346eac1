#include "server/store/commit_check.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

std::string Hex(const Digest& digest) {
  return absl::BytesToHexString(AsBytes(digest));
}

bool Puts(const Commit& commit, const Digest& value) {
  return std::any_of(
      commit.values.begin(), commit.values.end(),
      [&](const StoredValue& put) { return put.digest == value; });
}

absl::Status CheckWhole(const Commit& commit,
                        const std::optional<StoredRecord>& stored) {
  const StoredRecord& record = commit.record;
  const auto invalid = [&](absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("a commit of ", Describe(record.session), " ", why));
  };
  for (const StoredValue& value : commit.values) {
    if (Holds(record, value.digest)) continue;
    return invalid(absl::StrCat("puts the value ", Hex(value.digest),
                                ", which its record does not hold"));
  }
  for (const StoredReply& reply : commit.replies) {
    if (record.replies.contains(reply.step)) continue;
    return invalid(absl::StrCat("puts the reply of step ", reply.step,
                                ", which its record does not hold"));
  }
  if (commit.parent.has_value()) return absl::OkStatus();
  for (const Digest& value : record.values) {
    if (stored.has_value() && Holds(*stored, value)) continue;
    if (Puts(commit, value)) continue;
    return invalid(absl::StrCat("holds the value ", Hex(value),
                                ", which is nowhere to be had"));
  }
  return absl::OkStatus();
}

absl::Status CheckDurability(const Commit& commit, const StoredRecord& other) {
  if ((other.durability == Durability::kMemory) ==
      (commit.record.durability == Durability::kMemory)) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat(Describe(commit.record.session),
                   " cannot change between durability memory and the others, "
                   "nor differ in that from what it was forked from"));
}

absl::Status CheckParent(const Commit& commit,
                         const std::optional<StoredRecord>& parent) {
  if (!parent.has_value() || parent->root != commit.record.root) {
    return absl::AbortedError(absl::StrCat(
        Describe(*commit.parent), ", to be forked, has no record any more"));
  }
  RETURN_IF_ERROR(CheckDurability(commit, *parent));
  for (const Digest& value : commit.record.values) {
    if (Holds(*parent, value)) continue;
    return absl::AbortedError(absl::StrCat(
        Describe(*commit.parent), ", to be forked, does not hold the value ",
        Hex(value), " any more"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckCommit(const Commit& commit,
                         const std::optional<StoredRecord>& stored,
                         const std::optional<StoredRecord>& parent) {
  const SessionKey& session = commit.record.session;
  if (!commit.expected_head.has_value()) {
    if (stored.has_value()) {
      return absl::AlreadyExistsError(
          absl::StrCat(Describe(session), " already has a record"));
    }
    RETURN_IF_ERROR(CheckWhole(commit, stored));
    return commit.parent.has_value() ? CheckParent(commit, parent)
                                     : absl::OkStatus();
  }
  if (!stored.has_value()) {
    return absl::AbortedError(
        absl::StrCat(Describe(session), " has no record, expected one with ",
                     "head ", Hex(*commit.expected_head)));
  }
  RETURN_IF_ERROR(CheckDurability(commit, *stored));
  if (stored->head != *commit.expected_head) {
    return absl::AbortedError(absl::StrCat(Describe(session), " has head ",
                                           Hex(stored->head), ", expected ",
                                           Hex(*commit.expected_head)));
  }
  if (stored->root != commit.record.root || commit.parent.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a commit of ", Describe(session), " would move it to another family"));
  }
  return CheckWhole(commit, stored);
}

bool Holds(const StoredRecord& record, const Digest& value) {
  return std::find(record.values.begin(), record.values.end(), value) !=
         record.values.end();
}

std::string Describe(const SessionKey& key) {
  return absl::StrCat("session '", absl::CHexEscape(key.session_id),
                      "' of tenant '", absl::CHexEscape(key.tenant), "'");
}

std::string Describe(const ValueKey& key) {
  return absl::StrCat("value ", Hex(key.digest), " of tenant '",
                      absl::CHexEscape(key.tenant), "'");
}

std::string Describe(const ReplyKey& key) {
  return absl::StrCat("the reply of step ", key.step, " of ",
                      Describe(key.session));
}

}  // namespace mneme
