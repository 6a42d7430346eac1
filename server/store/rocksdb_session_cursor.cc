#include "server/store/rocksdb_session_cursor.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/store/entry_format.h"
#include "server/store/rocksdb_status.h"

namespace mneme {
namespace {

absl::string_view View(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

absl::StatusOr<StoredHead> ReadHead(absl::string_view key,
                                    absl::string_view value) {
  ASSIGN_OR_RETURN(const absl::string_view payload, Unframe(key, value));
  return DecodeHead(payload);
}

absl::StatusOr<std::string> ReadRecord(absl::string_view key,
                                       absl::string_view value) {
  ASSIGN_OR_RETURN(const absl::string_view payload, Unframe(key, value));
  return std::string(payload);
}

}  // namespace

absl::StatusOr<StoredRecord> StoredSession::ToRecord() const {
  if (!head.has_value() || !record.has_value()) {
    return absl::DataLossError(absl::StrCat(Describe(session), " has lost its ",
                                            head ? "record" : "head"));
  }
  RETURN_IF_ERROR(head->status());
  RETURN_IF_ERROR(record->status());
  ASSIGN_OR_RETURN(const DecodedRecord decoded, DecodeRecordEntry(**record));
  if (decoded.head != (**head).head) {
    return absl::DataLossError(absl::StrCat(
        Describe(session), " has a record that does not belong to its head"));
  }
  return StoredRecord{session, decoded.head, (**head).durability,
                      std::string(decoded.record)};
}

void RocksDbSessionCursor::Seek(absl::string_view key) {
  it_->Seek({key.data(), key.size()});
}

absl::StatusOr<std::optional<StoredSession>> RocksDbSessionCursor::Next() {
  std::optional<StoredSession> session;
  for (; it_->Valid(); it_->Next()) {
    const absl::string_view key = View(it_->key());
    std::optional<EntryRef> entry = ParseEntryKey(key);
    if (!entry.has_value()) {
      return absl::DataLossError(absl::StrCat(
          "the store holds a key that is not ours: ", absl::CHexEscape(key)));
    }
    if (!session.has_value()) {
      session.emplace().session = std::move(entry->session);
    } else if (entry->session != session->session) {
      return session;
    }
    switch (entry->kind) {
      case EntryKind::kHead:
        session->head = ReadHead(key, View(it_->value()));
        break;
      case EntryKind::kRecord:
        session->record = ReadRecord(key, View(it_->value()));
        break;
      case EntryKind::kName:
      case EntryKind::kObject:
        session->object_names.push_back(std::move(entry->name));
        break;
    }
  }
  RETURN_IF_ERROR(FromRocksDb(it_->status(), "reading the store's records"));
  return session;
}

}  // namespace mneme
