#include "server/store/rocksdb_group.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/store/commit_check.h"
#include "server/store/entry_format.h"
#include "server/store/rocksdb_record.h"

namespace mneme {
namespace {

rocksdb::Slice Slice(absl::string_view bytes) {
  return {bytes.data(), bytes.size()};
}

FamilyKey FamilyOf(const StoredRecord& record) {
  return {record.session.tenant, record.root};
}

}  // namespace

absl::Status RocksDbGroup::Load() {
  absl::flat_hash_map<FamilyKey, int64_t> sessions;
  const auto count = [&](const SessionEntryRef& entry, absl::string_view) {
    if (entry.root.has_value()) {
      ++sessions[{entry.session.tenant, *entry.root}];
    }
  };
  RETURN_IF_ERROR(ForEachSessionEntry(*database_, count));
  const auto load = [&](const SessionEntryRef& entry, absl::string_view value) {
    if (!entry.root.has_value()) return;
    const FamilyKey family = {entry.session.tenant, *entry.root};
    if (sessions[family] < 2) return;
    const auto record = ReadRecord(entry.session, *entry.root, value);
    shared_.Load(family,
                 record.ok() ? std::optional(record->values) : std::nullopt);
  };
  const bool shares =
      std::any_of(sessions.begin(), sessions.end(),
                  [](const auto& family) { return family.second > 1; });
  return shares ? ForEachSessionEntry(*database_, load) : absl::OkStatus();
}

absl::StatusOr<std::optional<StoredRecord>> RocksDbGroup::Find(
    const SessionKey& session, const Root& root) const {
  const auto it = changed_.find(SessionPrefix(session));
  if (it != changed_.end()) {
    const bool same = it->second.has_value() && it->second->root == root;
    return same ? it->second : std::nullopt;
  }
  rocksdb::PinnableSlice buffer;
  const auto value =
      database_->Get(Family::kRecords, RecordEntryKey(session, root), &buffer);
  if (absl::IsNotFound(value.status())) return std::nullopt;
  RETURN_IF_ERROR(value.status());
  ASSIGN_OR_RETURN(StoredRecord record, ReadRecord(session, root, *value));
  return record;
}

absl::StatusOr<std::optional<StoredRecord>> RocksDbGroup::Find(
    const SessionKey& session) const {
  const std::string prefix = SessionPrefix(session);
  const auto it = changed_.find(prefix);
  if (it != changed_.end()) return it->second;
  std::optional<absl::StatusOr<StoredRecord>> found;
  const auto visit = [&](const SessionEntryRef& entry,
                         absl::string_view value) {
    if (entry.root.has_value()) found = ReadRecord(session, *entry.root, value);
  };
  RETURN_IF_ERROR(ForEachSessionEntry(*database_, visit, prefix));
  if (!found.has_value()) return std::nullopt;
  RETURN_IF_ERROR(found->status());
  return **std::move(found);
}

void RocksDbGroup::Add(const Commit& commit,
                       const std::optional<StoredRecord>& stored,
                       const std::optional<StoredRecord>& parent) {
  const StoredRecord& record = commit.record;
  if (parent.has_value()) {
    shared_.Join(FamilyOf(record), parent->values, record.values);
  } else {
    AddValues(commit, stored);
  }
  AddReplies(commit, stored);
  Put(Family::kRecords, RecordEntryKey(record.session, record.root),
      EncodeStoredRecord(record));
  StoredRecord left = record;
  left.bytes.clear();
  changed_.insert_or_assign(SessionPrefix(record.session), std::move(left));
  sync_ |= commit.sync || record.durability == Durability::kSync;
}

void RocksDbGroup::AddValues(const Commit& commit,
                             const std::optional<StoredRecord>& stored) {
  const StoredRecord& record = commit.record;
  const FamilyKey family = FamilyOf(record);
  if (stored.has_value()) {
    for (const Digest& value : stored->values) {
      if (!Holds(record, value)) DropValue(family, value);
    }
  }
  for (const StoredValue& value : commit.values) {
    if (stored.has_value() && Holds(*stored, value.digest)) continue;
    if (!shared_.Add(family, value.digest)) continue;
    Put(Family::kObjects,
        EntryKey(ValueKey{family.tenant, family.root, value.digest}),
        *value.bytes);
  }
}

void RocksDbGroup::AddReplies(const Commit& commit,
                              const std::optional<StoredRecord>& stored) {
  const StoredRecord& record = commit.record;
  const StepRange before = stored.has_value() ? stored->replies : StepRange{};
  for (uint64_t step = before.first; step < before.end; ++step) {
    if (record.replies.contains(step)) continue;
    Delete(Family::kObjects, EntryKey(ReplyKey{record.session, step}));
  }
  for (const StoredReply& reply : commit.replies) {
    Put(Family::kObjects, EntryKey(ReplyKey{record.session, reply.step}),
        reply.bytes);
  }
}

absl::Status RocksDbGroup::Remove(const SessionKey& session,
                                  const std::string& tombstone) {
  std::optional<Root> root;
  absl::StatusOr<StoredRecord> record = absl::NotFoundError("");
  const auto visit = [&](const SessionEntryRef& entry,
                         absl::string_view value) {
    if (!entry.root.has_value()) return;
    root = entry.root;
    record = ReadRecord(session, *root, value);
  };
  const std::string prefix = SessionPrefix(session);
  RETURN_IF_ERROR(ForEachSessionEntry(*database_, visit, prefix));
  if (tombstone.empty()) RETURN_IF_ERROR(RemoveTombstone(session));
  // Nothing is read from here on: what is half done would be written with the
  // next group.
  if (!tombstone.empty()) {
    Put(Family::kRecords, TombstoneEntryKey(session), tombstone);
  }
  if (!root.has_value()) return absl::OkStatus();
  record.ok() ? DropHeld(*record) : DropDamaged(session, *root);
  Delete(Family::kRecords, RecordEntryKey(session, *root));
  changed_.insert_or_assign(prefix, std::nullopt);
  return absl::OkStatus();
}

void RocksDbGroup::DropHeld(const StoredRecord& record) {
  const FamilyKey family = FamilyOf(record);
  for (const Digest& value : record.values) DropValue(family, value);
  shared_.Leave(family);
  for (uint64_t step = record.replies.first; step < record.replies.end;
       ++step) {
    Delete(Family::kObjects, EntryKey(ReplyKey{record.session, step}));
  }
}

void RocksDbGroup::DropDamaged(const SessionKey& session, const Root& root) {
  const std::string replies = RepliesPrefix(session);
  DeleteRange(replies, PrefixEnd(replies));
  const FamilyKey family = {session.tenant, root};
  shared_.LeaveDamaged(family);
  const auto held = shared_.Held(family);
  if (!held.has_value()) return;
  const std::string prefix = FamilyPrefix(session.tenant, root);
  std::string from = prefix;
  for (const Digest& value : *held) {
    const std::string key = EntryKey(ValueKey{session.tenant, root, value});
    DeleteRange(from, key);
    from = absl::StrCat(key, absl::string_view("\0", 1));
  }
  DeleteRange(from, PrefixEnd(prefix));
}

absl::Status RocksDbGroup::RemoveTombstone(const SessionKey& session) {
  const std::string key = TombstoneEntryKey(session);
  rocksdb::PinnableSlice buffer;
  const auto stored = database_->Get(Family::kRecords, key, &buffer);
  if (absl::IsNotFound(stored.status())) return absl::OkStatus();
  RETURN_IF_ERROR(stored.status());
  Delete(Family::kRecords, key);
  return absl::OkStatus();
}

void RocksDbGroup::SetScrubDue(bool due) {
  const std::string key(kScrubDueKey);
  due ? Put(Family::kRecords, key, "") : Delete(Family::kRecords, key);
}

void RocksDbGroup::DropValue(const FamilyKey& family, const Digest& value) {
  if (!shared_.Drop(family, value)) return;
  Delete(Family::kObjects,
         EntryKey(ValueKey{family.tenant, family.root, value}));
}

absl::Status RocksDbGroup::Write(bool sync) {
  absl::Status status;
  if (!empty()) status = database_->Write(&batch_, sync);
  status.ok() ? shared_.Keep() : shared_.Revert();
  batch_.Clear();
  changed_.clear();
  sync_ = false;
  return status;
}

void RocksDbGroup::Put(Family family, const std::string& key,
                       absl::string_view payload) {
  const std::string header = FrameHeader(key, payload);
  const rocksdb::Slice key_part(key);
  const std::array<rocksdb::Slice, 2> value_parts = {Slice(header),
                                                     Slice(payload)};
  batch_.Put(database_->handle(family), rocksdb::SliceParts(&key_part, 1),
             rocksdb::SliceParts(value_parts.data(), value_parts.size()));
}

void RocksDbGroup::Delete(Family family, const std::string& key) {
  batch_.Delete(database_->handle(family), key);
}

void RocksDbGroup::DeleteRange(const std::string& from,
                               const std::string& end) {
  batch_.DeleteRange(database_->handle(Family::kObjects), from, end);
}

}  // namespace mneme
