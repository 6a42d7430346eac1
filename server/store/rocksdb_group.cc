#include "server/store/rocksdb_group.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/store/entry_format.h"

namespace mneme {
namespace {

using Family = RocksDbDatabase::Family;

rocksdb::Slice Slice(absl::string_view bytes) {
  return {bytes.data(), bytes.size()};
}

}  // namespace

absl::StatusOr<std::optional<StoredHead>> RocksDbGroup::FindHead(
    const SessionKey& session) const {
  const std::string prefix = SessionPrefix(session);
  const auto it = heads_.find(prefix);
  if (it != heads_.end()) return it->second;
  const std::string key = EntryKey(prefix, EntryKind::kHead);
  rocksdb::PinnableSlice buffer;
  const auto value = database_->Get(Family::kRecords, key, &buffer);
  if (absl::IsNotFound(value.status())) return std::nullopt;
  RETURN_IF_ERROR(value.status());
  const auto payload = Unframe(key, *value);
  if (!payload.ok()) {
    return absl::DataLossError(absl::StrCat("the head of ", Describe(session),
                                            ": ", payload.status().message()));
  }
  ASSIGN_OR_RETURN(const StoredHead head, DecodeHead(*payload));
  return head;
}

void RocksDbGroup::Add(const Commit& commit) {
  const std::string prefix = SessionPrefix(commit.session);
  const StoredHead head = {commit.head, commit.durability};
  for (const ObjectKey& key : commit.deletes) DeleteObject(prefix, key.name);
  for (const Object& object : commit.puts) PutObject(prefix, object);
  PutRecordEntry(EntryKey(prefix, EntryKind::kHead), EncodeHead(head));
  PutRecordEntry(EntryKey(prefix, EntryKind::kRecord),
                 EncodeRecordEntry(commit.head, commit.record));
  heads_.insert_or_assign(prefix, head);
  sync_ |= commit.durability == Durability::kSync;
}

void RocksDbGroup::RemoveObject(const SessionKey& session,
                                absl::string_view name) {
  DeleteObject(SessionPrefix(session), name);
}

void RocksDbGroup::RemoveSession(const StoredSession& session) {
  const std::string prefix = SessionPrefix(session.session);
  for (const std::string& name : session.object_names) {
    DeleteObject(prefix, name);
  }
  rocksdb::ColumnFamilyHandle* const records =
      database_->handle(Family::kRecords);
  batch_.Delete(records, EntryKey(prefix, EntryKind::kHead));
  batch_.Delete(records, EntryKey(prefix, EntryKind::kRecord));
}

void RocksDbGroup::Clear() {
  batch_.Clear();
  heads_.clear();
  sync_ = false;
}

void RocksDbGroup::PutRecordEntry(const std::string& key,
                                  absl::string_view payload) {
  batch_.Put(database_->handle(Family::kRecords), key, Frame(key, payload));
}

void RocksDbGroup::PutObject(absl::string_view prefix, const Object& object) {
  const std::string key = EntryKey(prefix, EntryKind::kObject, object.key.name);
  const std::string header = FrameHeader(key, object.bytes);
  const rocksdb::Slice key_part(key);
  const std::array<rocksdb::Slice, 2> value_parts = {Slice(header),
                                                     Slice(object.bytes)};
  batch_.Put(database_->handle(Family::kObjects),
             rocksdb::SliceParts(&key_part, 1),
             rocksdb::SliceParts(value_parts.data(), value_parts.size()));
  PutRecordEntry(EntryKey(prefix, EntryKind::kName, object.key.name), "");
}

void RocksDbGroup::DeleteObject(absl::string_view prefix,
                                absl::string_view name) {
  batch_.Delete(database_->handle(Family::kObjects),
                EntryKey(prefix, EntryKind::kObject, name));
  batch_.Delete(database_->handle(Family::kRecords),
                EntryKey(prefix, EntryKind::kName, name));
}

}  // namespace mneme
