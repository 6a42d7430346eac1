#include "server/store/rocksdb_store.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/store/commit_check.h"
#include "server/store/entry_format.h"
#include "server/store/rocksdb_database.h"
#include "server/store/rocksdb_group.h"
#include "server/store/rocksdb_record.h"
#include "server/store/wal_syncer.h"

namespace mneme {
namespace {

constexpr int64_t kLeastWriteBuffer = 64 << 10;

absl::Status CheckOptions(const RocksDbStore::Options& options) {
  if (options.async_window < absl::ZeroDuration()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "async_window is ", absl::FormatDuration(options.async_window),
        ", expected 0 or more"));
  }
  if (options.write_buffer_bytes < kLeastWriteBuffer) {
    return absl::InvalidArgumentError(
        absl::StrCat("write_buffer_bytes is ", options.write_buffer_bytes,
                     ", expected ", kLeastWriteBuffer, " or more"));
  }
  return absl::OkStatus();
}

RocksDbDatabase::Options ToDatabaseOptions(
    const RocksDbStore::Options& options) {
  return {options.env, options.write_buffer_bytes, options.recover_to_last_good,
          options.resume_interval, options.clock};
}

// What a read of the entry came to.
template <typename Key>
absl::StatusOr<std::string> Payload(
    const Key& key, absl::string_view entry_key,
    const absl::StatusOr<absl::string_view>& value) {
  if (absl::IsNotFound(value.status())) {
    return absl::NotFoundError(absl::StrCat(Describe(key), " is not stored"));
  }
  RETURN_IF_ERROR(value.status());
  const auto payload = Unframe(entry_key, *value);
  if (payload.ok()) return std::string(*payload);
  return absl::DataLossError(
      absl::StrCat(Describe(key), ": ", payload.status().message()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<RocksDbStore>> RocksDbStore::Open(
    const std::string& path, const Options& options) {
  RETURN_IF_ERROR(CheckOptions(options));
  ASSIGN_OR_RETURN(auto database,
                   RocksDbDatabase::Open(path, ToDatabaseOptions(options)));
  auto store = absl::WrapUnique(new RocksDbStore(std::move(database), options));
  {
    MutexLock lock(&store->write_mu_);
    RETURN_IF_ERROR(store->group_->Load());
  }
  ASSIGN_OR_RETURN(const bool scrub_is_due, store->ScrubWasDue());
  if (scrub_is_due) {
    RETURN_IF_ERROR(store->MarkErase());
    RETURN_IF_ERROR(store->Scrub());
  }
  return store;
}

RocksDbStore::RocksDbStore(std::unique_ptr<RocksDbDatabase> database,
                           const Options& options)
    : database_(std::move(database)),
      group_(std::make_unique<RocksDbGroup>(database_.get())),
      syncer_(std::make_unique<WalSyncer>([this] { return database_->Sync(); },
                                          options.async_window,
                                          options.clock)) {}

RocksDbStore::~RocksDbStore() = default;

std::vector<absl::Status> RocksDbStore::Apply(std::vector<Commit> commits) {
  std::vector<absl::Status> statuses(commits.size());
  std::vector<size_t> written;
  MutexLock lock(&write_mu_);
  for (size_t i = 0; i < commits.size(); ++i) {
    if (commits[i].record.durability == Durability::kMemory) {
      statuses[i] = ApplyInMemory(std::move(commits[i]));
    } else {
      statuses[i] = AddToGroup(commits[i]);
      if (statuses[i].ok()) written.push_back(i);
    }
  }
  const absl::Status status = WriteGroup(group_->sync());
  if (!status.ok()) {
    for (const size_t i : written) statuses[i] = status;
  }
  return statuses;
}

absl::StatusOr<std::string> RocksDbStore::GetValue(const ValueKey& key) const {
  absl::StatusOr<std::string> here = memory_.GetValue(key);
  return absl::IsNotFound(here.status()) ? Get(key) : here;
}

absl::StatusOr<std::string> RocksDbStore::GetReply(const ReplyKey& key) const {
  absl::StatusOr<std::string> here = memory_.GetReply(key);
  return absl::IsNotFound(here.status()) ? Get(key) : here;
}

template <typename Key>
absl::StatusOr<std::string> RocksDbStore::Get(const Key& key) const {
  const std::string entry_key = EntryKey(key);
  rocksdb::PinnableSlice buffer;
  return Payload(
      key, entry_key,
      database_->Get(RocksDbDatabase::Family::kObjects, entry_key, &buffer));
}

MemoryStore::Values RocksDbStore::GetValues(
    const std::vector<ValueKey>& keys) const {
  Values values;
  std::vector<std::string> entry_keys;
  std::vector<size_t> places;
  for (const ValueKey& key : keys) {
    values.push_back(memory_.GetValue(key));
    if (!absl::IsNotFound(values.back().status())) continue;
    entry_keys.push_back(EntryKey(key));
    places.push_back(values.size() - 1);
  }
  std::vector<rocksdb::PinnableSlice> buffers(entry_keys.size());
  const auto read = database_->GetAll(RocksDbDatabase::Family::kObjects,
                                      entry_keys, &buffers);
  for (size_t i = 0; i < places.size(); ++i) {
    values[places[i]] = Payload(keys[places[i]], entry_keys[i], read[i]);
  }
  return values;
}

absl::StatusOr<MemoryStore::Reloaded> RocksDbStore::Reload(
    const ReloadRequest& request) {
  const SessionKey& session = request.session;
  MutexLock lock(&write_mu_);
  ASSIGN_OR_RETURN(std::optional<StoredRecord> record, Find(session));
  if (record.has_value()) return Reloaded{*std::move(record)};
  return absl::NotFoundError(absl::StrCat(Describe(session), " is not stored"));
}

absl::Status RocksDbStore::Remove(const SessionKey& session,
                                  const std::string& tombstone) {
  MutexLock lock(&write_mu_);
  if (memory_.Find(session).has_value()) {
    return memory_.Remove(session, tombstone);
  }
  RETURN_IF_ERROR(memory_.RemoveTombstone(session));
  const auto stored = group_->Find(session);
  const bool async = stored.ok() && stored->has_value() &&
                     (**stored).durability == Durability::kAsync;
  RETURN_IF_ERROR(group_->Remove(session, tombstone));
  return WriteGroup(/*sync=*/!async);
}

absl::Status RocksDbStore::RemoveTombstone(const SessionKey& session) {
  MutexLock lock(&write_mu_);
  RETURN_IF_ERROR(memory_.RemoveTombstone(session));
  RETURN_IF_ERROR(group_->RemoveTombstone(session));
  return WriteGroup(/*sync=*/false);
}

absl::Status RocksDbStore::MarkErase() {
  MutexLock lock(&write_mu_);
  group_->SetScrubDue(true);
  RETURN_IF_ERROR(WriteGroup(/*sync=*/true));
  ++marked_erases_;
  return absl::OkStatus();
}

absl::Status RocksDbStore::Scrub() {
  MutexLock scrub_lock(&scrub_mu_);
  int64_t erases = 0;
  {
    MutexLock lock(&write_mu_);
    if (scrubbed_erases_ == marked_erases_) return absl::OkStatus();
    erases = marked_erases_;
  }
  RETURN_IF_ERROR(database_->Rewrite());
  {
    MutexLock lock(&write_mu_);
    group_->SetScrubDue(marked_erases_ != erases);
    RETURN_IF_ERROR(WriteGroup(/*sync=*/false));
  }
  RETURN_IF_ERROR(database_->DropOldFiles());
  // With the lock come the ends of the iterators that held on to files.
  MutexLock lock(&write_mu_);
  scrubbed_erases_ = erases;
  return absl::OkStatus();
}

absl::StatusOr<bool> RocksDbStore::ScrubWasDue() const {
  rocksdb::PinnableSlice buffer;
  const auto mark =
      database_->Get(RocksDbDatabase::Family::kRecords, kScrubDueKey, &buffer);
  if (absl::IsNotFound(mark.status())) return false;
  RETURN_IF_ERROR(mark.status());
  return true;
}

absl::StatusOr<MemoryStore::Records> RocksDbStore::LoadRecords() const {
  ASSIGN_OR_RETURN(Records out, memory_.LoadRecords());
  const auto visit = [&](const SessionEntryRef& entry,
                         absl::string_view value) {
    if (!entry.root.has_value()) {
      const auto bytes = Unframe(TombstoneEntryKey(entry.session), value);
      if (bytes.ok())
        out.tombstones.push_back({entry.session, std::string(*bytes)});
      return;
    }
    absl::StatusOr<StoredRecord> record =
        ReadRecord(entry.session, *entry.root, value);
    if (record.ok()) {
      out.records.push_back(*std::move(record));
    } else {
      out.corrupt.push_back(entry.session);
    }
  };
  RETURN_IF_ERROR(ForEachSessionEntry(*database_, visit));
  std::sort(out.records.begin(), out.records.end(),
            [](const StoredRecord& a, const StoredRecord& b) {
              return a.session < b.session;
            });
  std::sort(out.corrupt.begin(), out.corrupt.end());
  return out;
}

absl::Status RocksDbStore::Flush() { return syncer_->SyncNow(); }

absl::Status RocksDbStore::Probe() {
  MutexLock lock(&write_mu_);
  RETURN_IF_ERROR(database_->WriteFormat());
  syncer_->WroteSynced();
  return absl::OkStatus();
}

std::optional<absl::Duration> RocksDbStore::unsynced_since() const {
  return syncer_->unsynced_since();
}

absl::StatusOr<std::optional<StoredRecord>> RocksDbStore::Find(
    const SessionKey& session) const {
  std::optional<StoredRecord> here = memory_.Find(session);
  if (here.has_value()) return here;
  return group_->Find(session);
}

absl::Status RocksDbStore::ApplyInMemory(Commit commit) {
  // What is on disk stays there: then CheckCommit refuses.
  const SessionKey session = commit.record.session;
  if (!memory_.Find(session).has_value()) {
    ASSIGN_OR_RETURN(const auto on_disk, group_->Find(session));
    if (on_disk.has_value()) return CheckCommit(commit, on_disk, std::nullopt);
  }
  if (commit.parent.has_value() && !memory_.Find(*commit.parent).has_value()) {
    ASSIGN_OR_RETURN(const auto on_disk, group_->Find(*commit.parent));
    return CheckCommit(commit, std::nullopt, on_disk);
  }
  const bool first = !commit.expected_head.has_value();
  RETURN_IF_ERROR(memory_.ApplyOne(std::move(commit)));
  // One that a session on disk left. If it stays, it is found after a restart,
  // when this session is gone too.
  if (first) group_->RemoveTombstone(session).IgnoreError();
  return absl::OkStatus();
}

absl::Status RocksDbStore::AddToGroup(const Commit& commit) {
  const SessionKey& session = commit.record.session;
  std::optional<StoredRecord> stored = memory_.Find(session);
  if (!stored.has_value() && commit.expected_head.has_value()) {
    ASSIGN_OR_RETURN(stored, group_->Find(session, commit.record.root));
  }
  if (!stored.has_value() && !commit.expected_head.has_value()) {
    ASSIGN_OR_RETURN(stored, group_->Find(session));
  }
  std::optional<StoredRecord> parent;
  if (commit.parent.has_value()) {
    ASSIGN_OR_RETURN(parent, Find(*commit.parent));
  }
  RETURN_IF_ERROR(CheckCommit(commit, stored, parent));
  if (!stored.has_value()) {
    RETURN_IF_ERROR(memory_.RemoveTombstone(session));
    RETURN_IF_ERROR(group_->RemoveTombstone(session));
  }
  group_->Add(commit, stored, parent);
  return absl::OkStatus();
}

absl::Status RocksDbStore::WriteGroup(bool sync) {
  if (group_->empty()) return group_->Write(sync);
  absl::Status status = group_->Write(sync);
  if (status.ok() && sync) syncer_->WroteSynced();
  if (status.ok() && !sync) syncer_->WroteUnsynced();
  return status;
}

}  // namespace mneme
