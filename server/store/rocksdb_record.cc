#include "server/store/rocksdb_record.h"

#include <memory>
#include <optional>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/store/rocksdb_status.h"

namespace mneme {
namespace {

absl::string_view View(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

}  // namespace

absl::Status ForEachSessionEntry(const RocksDbDatabase& database,
                                 VisitSessionEntry visit,
                                 absl::string_view prefix) {
  const std::string after = PrefixEnd(prefix);
  const rocksdb::Slice end(after);
  const bool all = prefix == kFirstSession;
  const std::unique_ptr<rocksdb::Iterator> it = database.NewIterator(
      RocksDbDatabase::Family::kRecords, all ? nullptr : &end);
  for (it->Seek({prefix.data(), prefix.size()}); it->Valid(); it->Next()) {
    const absl::string_view key = View(it->key());
    const std::optional<SessionEntryRef> entry = ParseSessionEntryKey(key);
    if (!entry.has_value()) {
      return absl::DataLossError(absl::StrCat(
          "the store holds a key that is not ours: ", absl::CHexEscape(key)));
    }
    visit(*entry, View(it->value()));
  }
  return FromRocksDb(it->status(), "reading the store's records");
}

}  // namespace mneme
