#include "server/store/commit_check.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

std::string Hex(const Digest& digest) {
  return absl::BytesToHexString(AsBytes(digest));
}

absl::Status CheckOwner(const Commit& commit, const ObjectKey& key) {
  if (key.session == commit.session) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("a commit of ", Describe(commit.session), " names ",
                   Describe(key), ", which belongs to another session"));
}

}  // namespace

absl::Status CheckCommit(const Commit& commit,
                         const std::optional<StoredHead>& stored) {
  for (const Object& object : commit.puts) {
    RETURN_IF_ERROR(CheckOwner(commit, object.key));
  }
  for (const ObjectKey& key : commit.deletes) {
    RETURN_IF_ERROR(CheckOwner(commit, key));
  }
  if (!commit.expected_head.has_value()) {
    if (!stored.has_value()) return absl::OkStatus();
    return absl::AlreadyExistsError(
        absl::StrCat(Describe(commit.session), " already has a record"));
  }
  if (!stored.has_value()) {
    return absl::AbortedError(absl::StrCat(
        Describe(commit.session), " has no record, expected one with head ",
        Hex(*commit.expected_head)));
  }
  if ((stored->durability == Durability::kMemory) !=
      (commit.durability == Durability::kMemory)) {
    return absl::FailedPreconditionError(
        absl::StrCat(Describe(commit.session),
                     " cannot change between durability memory and the others "
                     "while it lives"));
  }
  if (stored->head != *commit.expected_head) {
    return absl::AbortedError(
        absl::StrCat(Describe(commit.session), " has head ", Hex(stored->head),
                     ", expected ", Hex(*commit.expected_head)));
  }
  return absl::OkStatus();
}

std::string Describe(const SessionKey& key) {
  return absl::StrCat("session '", absl::CHexEscape(key.session_id),
                      "' of tenant '", absl::CHexEscape(key.tenant), "'");
}

std::string Describe(const ObjectKey& key) {
  return absl::StrCat("object '", absl::CHexEscape(key.name), "' of ",
                      Describe(key.session));
}

}  // namespace mneme
