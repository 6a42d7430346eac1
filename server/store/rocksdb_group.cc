#include "server/store/rocksdb_group.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/store/commit_check.h"
#include "server/store/entry_format.h"
#include "server/store/rocksdb_record.h"
#include "server/store/rocksdb_status.h"

namespace mneme {
namespace {

rocksdb::Slice Slice(absl::string_view bytes) {
  return {bytes.data(), bytes.size()};
}

absl::string_view View(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
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
    shared_.Load(family, record.ok() ? record->values : std::vector<Digest>());
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
  if (!stored.has_value()) {
    Delete(Family::kRecords, TombstoneEntryKey(record.session));
  }
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
  const std::string prefix = SessionPrefix(session);
  RETURN_IF_ERROR(ForEachSessionEntry(
      *database_,
      [&](const SessionEntryRef& entry, absl::string_view value) {
        root = entry.root;
        if (root.has_value()) record = ReadRecord(session, *root, value);
      },
      prefix));
  if (root.has_value()) {
    const FamilyKey family = {session.tenant, *root};
    if (record.ok()) {
      for (const Digest& value : record->values) DropValue(family, value);
    } else {
      RETURN_IF_ERROR(DropUnheld(family));
    }
    shared_.Leave(family);
    RETURN_IF_ERROR(DropReplies(session));
    Delete(Family::kRecords, RecordEntryKey(session, *root));
    changed_.insert_or_assign(prefix, std::nullopt);
  }
  if (tombstone.empty()) return RemoveTombstone(session);
  Put(Family::kRecords, TombstoneEntryKey(session), tombstone);
  return absl::OkStatus();
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

absl::Status RocksDbGroup::DropUnheld(const FamilyKey& family) {
  const std::string prefix = FamilyPrefix(family.tenant, family.root);
  return ForEach(Family::kObjects, prefix, [&](absl::string_view key) {
    const auto digest = ParseValueDigest(key, prefix);
    if (digest.has_value() && shared_.Holds(family, *digest)) return;
    Delete(Family::kObjects, std::string(key));
  });
}

absl::Status RocksDbGroup::DropReplies(const SessionKey& session) {
  return ForEach(Family::kObjects, SessionPrefix(session),
                 [&](absl::string_view key) {
                   Delete(Family::kObjects, std::string(key));
                 });
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

template <typename Visit>
absl::Status RocksDbGroup::ForEach(Family family, const std::string& prefix,
                                   const Visit& visit) const {
  const std::unique_ptr<rocksdb::Iterator> it = database_->NewIterator(family);
  for (it->Seek(Slice(prefix)); it->Valid(); it->Next()) {
    if (!absl::StartsWith(View(it->key()), prefix)) break;
    visit(View(it->key()));
  }
  return FromRocksDb(it->status(), "reading the store");
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

}  // namespace mneme
