#include "server/store/in_process_store.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/store/checksum.h"
#include "server/store/commit_check.h"
#include "server/store/entry_format.h"

namespace mneme {
namespace {

uint64_t RecordChecksum(const StoredRecord& record) {
  return Checksum({RecordEntryKey(record.session, record.root),
                   EncodeStoredRecord(record)});
}

template <typename Key>
absl::Status NotStored(const Key& key) {
  return absl::NotFoundError(absl::StrCat(Describe(key), " is not stored"));
}

template <typename Key, typename Checked>
absl::StatusOr<std::string> Verified(const Key& key, const Checked& checked) {
  if (Checksum({EntryKey(key), checked.bytes}) == checked.checksum) {
    return checked.bytes;
  }
  return absl::DataLossError(
      absl::StrCat(Describe(key), " fails its checksum"));
}

void FlipLastBit(std::string* bytes) {
  bytes->back() = static_cast<char>(bytes->back() ^ 1);
}

}  // namespace

std::vector<absl::Status> InProcessStore::Apply(std::vector<Commit> commits) {
  std::vector<absl::Status> statuses;
  statuses.reserve(commits.size());
  MutexLock lock(&mu_);
  for (Commit& commit : commits) {
    statuses.push_back(ApplyLocked(std::move(commit)));
  }
  return statuses;
}

absl::Status InProcessStore::ApplyOne(Commit commit) {
  MutexLock lock(&mu_);
  return ApplyLocked(std::move(commit));
}

absl::StatusOr<std::string> InProcessStore::GetValue(
    const ValueKey& key) const {
  MutexLock lock(&mu_);
  const auto it = values_.find(key);
  if (it == values_.end()) return NotStored(key);
  return Verified(key, it->second.checked);
}

absl::StatusOr<std::string> InProcessStore::GetReply(
    const ReplyKey& key) const {
  MutexLock lock(&mu_);
  const auto session = sessions_.find(key.session);
  if (session == sessions_.end()) return NotStored(key);
  const auto it = session->second.replies.find(key.step);
  if (it == session->second.replies.end()) return NotStored(key);
  return Verified(key, it->second);
}

absl::StatusOr<MemoryStore::Reloaded> InProcessStore::Reload(
    const ReloadRequest& request) {
  const SessionKey& session = request.session;
  MutexLock lock(&mu_);
  const auto it = sessions_.find(session);
  if (it == sessions_.end()) return NotStored(session);
  if (RecordChecksum(it->second.record) == it->second.checksum) {
    return Reloaded{it->second.record};
  }
  return absl::DataLossError(
      absl::StrCat("the record of ", Describe(session), " fails its checksum"));
}

absl::Status InProcessStore::Remove(const SessionKey& session,
                                    const std::string& tombstone) {
  MutexLock lock(&mu_);
  const auto it = sessions_.find(session);
  if (it != sessions_.end()) {
    const StoredRecord& record = it->second.record;
    for (const Digest& value : record.values) {
      Drop({session.tenant, record.root, value});
    }
    sessions_.erase(it);
  }
  tombstones_.erase(session);
  if (!tombstone.empty()) tombstones_[session] = tombstone;
  return absl::OkStatus();
}

absl::Status InProcessStore::RemoveTombstone(const SessionKey& session) {
  MutexLock lock(&mu_);
  tombstones_.erase(session);
  return absl::OkStatus();
}

absl::StatusOr<MemoryStore::Records> InProcessStore::LoadRecords() const {
  Records out;
  MutexLock lock(&mu_);
  for (const auto& [key, session] : sessions_) {
    if (RecordChecksum(session.record) == session.checksum) {
      out.records.push_back(session.record);
    } else {
      out.corrupt.push_back(key);
    }
  }
  for (const auto& [key, bytes] : tombstones_) {
    out.tombstones.push_back({key, bytes});
  }
  return out;
}

std::optional<StoredRecord> InProcessStore::Find(
    const SessionKey& session) const {
  MutexLock lock(&mu_);
  return FindLocked(session);
}

void InProcessStore::CorruptValueForTest(const ValueKey& key) {
  MutexLock lock(&mu_);
  FlipLastBit(&values_.at(key).checked.bytes);
}

void InProcessStore::CorruptReplyForTest(const ReplyKey& key) {
  MutexLock lock(&mu_);
  FlipLastBit(&sessions_.at(key.session).replies.at(key.step).bytes);
}

void InProcessStore::CorruptRecordForTest(const SessionKey& session) {
  MutexLock lock(&mu_);
  FlipLastBit(&sessions_.at(session).record.bytes);
}

absl::Status InProcessStore::ApplyLocked(Commit commit) {
  const std::optional<StoredRecord> stored = FindLocked(commit.record.session);
  std::optional<StoredRecord> parent;
  if (commit.parent.has_value()) parent = FindLocked(*commit.parent);
  RETURN_IF_ERROR(CheckCommit(commit, stored, parent));
  tombstones_.erase(commit.record.session);
  Session& session = sessions_[commit.record.session];
  Change(&session, std::move(commit));
  return absl::OkStatus();
}

void InProcessStore::Change(Session* session, Commit commit) {
  const StoredRecord& record = commit.record;
  const auto key_of = [&](const Digest& value) {
    return ValueKey{record.session.tenant, record.root, value};
  };
  for (const StoredValue& put : commit.values) {
    if (Holds(session->record, put.digest)) continue;
    const ValueKey key = key_of(put.digest);
    const auto [it, added] = values_.try_emplace(key);
    if (!added) continue;
    const uint64_t checksum = Checksum({EntryKey(key), *put.bytes});
    it->second.checked = {*put.bytes, checksum};
  }
  for (const Digest& value : record.values) {
    if (!Holds(session->record, value)) ++values_[key_of(value)].holders;
  }
  for (const Digest& value : session->record.values) {
    if (!Holds(record, value)) Drop(key_of(value));
  }
  std::erase_if(session->replies, [&](const auto& reply) {
    return !record.replies.contains(reply.first);
  });
  for (StoredReply& put : commit.replies) {
    const ReplyKey key = {record.session, put.step};
    const uint64_t checksum = Checksum({EntryKey(key), put.bytes});
    session->replies[put.step] = {std::move(put.bytes), checksum};
  }
  session->checksum = RecordChecksum(record);
  session->record = std::move(commit.record);
}

std::optional<StoredRecord> InProcessStore::FindLocked(
    const SessionKey& session) const {
  const auto it = sessions_.find(session);
  if (it == sessions_.end()) return std::nullopt;
  return it->second.record;
}

void InProcessStore::Drop(const ValueKey& key) {
  const auto it = values_.find(key);
  if (it != values_.end() && --it->second.holders == 0) values_.erase(it);
}

}  // namespace mneme
