#include "server/store/rocksdb_store.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/store/entry_format.h"
#include "server/store/rocksdb_database.h"
#include "server/store/rocksdb_group.h"
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

}  // namespace

absl::StatusOr<std::unique_ptr<RocksDbStore>> RocksDbStore::Open(
    const std::string& path, const Options& options) {
  RETURN_IF_ERROR(CheckOptions(options));
  ASSIGN_OR_RETURN(auto database,
                   RocksDbDatabase::Open(path, ToDatabaseOptions(options)));
  return std::unique_ptr<RocksDbStore>(
      new RocksDbStore(std::move(database), options));
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
    if (commits[i].durability == Durability::kMemory) {
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

absl::StatusOr<std::string> RocksDbStore::GetObject(
    const ObjectKey& key) const {
  if (memory_.FindHead(key.session).has_value()) return memory_.GetObject(key);
  const std::string entry_key = ObjectEntryKey(key);
  rocksdb::PinnableSlice buffer;
  const auto value =
      database_->Get(RocksDbDatabase::Family::kObjects, entry_key, &buffer);
  if (absl::IsNotFound(value.status())) {
    return absl::NotFoundError(absl::StrCat(Describe(key), " is not stored"));
  }
  RETURN_IF_ERROR(value.status());
  const auto payload = Unframe(entry_key, *value);
  if (payload.ok()) return std::string(*payload);
  return absl::DataLossError(
      absl::StrCat(Describe(key), ": ", payload.status().message()));
}

absl::Status RocksDbStore::Remove(const SessionKey& session) {
  RETURN_IF_ERROR(memory_.Remove(session));
  MutexLock lock(&write_mu_);
  RocksDbSessionCursor cursor = database_->NewCursor();
  cursor.Seek(SessionPrefix(session));
  ASSIGN_OR_RETURN(const auto stored, cursor.Next());
  if (!stored.has_value() || stored->session != session) {
    return absl::OkStatus();
  }
  const bool async = stored->head.has_value() && stored->head->ok() &&
                     (**stored->head).durability == Durability::kAsync;
  group_->RemoveSession(*stored);
  return WriteGroup(/*sync=*/!async);
}

absl::StatusOr<MemoryStore::Records> RocksDbStore::LoadRecords() const {
  ASSIGN_OR_RETURN(Records out, memory_.LoadRecords());
  RocksDbSessionCursor cursor = database_->NewCursor();
  cursor.Seek(kFirstSession);
  while (true) {
    ASSIGN_OR_RETURN(const auto stored, cursor.Next());
    if (!stored.has_value()) break;
    if (!stored->has_record()) continue;
    absl::StatusOr<StoredRecord> record = stored->ToRecord();
    if (record.ok()) {
      out.records.push_back(*std::move(record));
    } else {
      out.corrupt.push_back(stored->session);
    }
  }
  std::sort(out.records.begin(), out.records.end(),
            [](const StoredRecord& a, const StoredRecord& b) {
              return a.session < b.session;
            });
  std::sort(out.corrupt.begin(), out.corrupt.end());
  return out;
}

absl::StatusOr<int64_t> RocksDbStore::CollectOrphans(
    const std::vector<ObjectKey>& named) {
  const std::set<ObjectKey> keep(named.begin(), named.end());
  ASSIGN_OR_RETURN(int64_t removed, memory_.CollectOrphans(named));
  MutexLock lock(&write_mu_);
  RocksDbSessionCursor cursor = database_->NewCursor();
  cursor.Seek(kFirstSession);
  while (true) {
    ASSIGN_OR_RETURN(const auto stored, cursor.Next());
    if (!stored.has_value()) return removed;
    const bool has_record = stored->has_record();
    if (has_record && !stored->ToRecord().ok()) continue;
    for (const std::string& name : stored->object_names) {
      if (has_record && keep.contains({stored->session, name})) continue;
      group_->RemoveObject(stored->session, name);
      ++removed;
    }
    RETURN_IF_ERROR(WriteGroup(/*sync=*/false));
  }
}

absl::Status RocksDbStore::Flush() { return syncer_->SyncNow(); }

std::optional<absl::Duration> RocksDbStore::unsynced_since() const {
  return syncer_->unsynced_since();
}

absl::Status RocksDbStore::ApplyInMemory(Commit commit) {
  if (!memory_.FindHead(commit.session).has_value()) {
    ASSIGN_OR_RETURN(const auto on_disk, group_->FindHead(commit.session));
    if (on_disk.has_value()) return CheckCommit(commit, on_disk);
  }
  return memory_.ApplyOne(std::move(commit));
}

absl::Status RocksDbStore::AddToGroup(const Commit& commit) {
  std::optional<StoredHead> stored = memory_.FindHead(commit.session);
  if (!stored.has_value()) {
    ASSIGN_OR_RETURN(stored, group_->FindHead(commit.session));
  }
  RETURN_IF_ERROR(CheckCommit(commit, stored));
  group_->Add(commit);
  return absl::OkStatus();
}

absl::Status RocksDbStore::WriteGroup(bool sync) {
  if (group_->empty()) return absl::OkStatus();
  const absl::Status status = database_->Write(group_->batch(), sync);
  group_->Clear();
  if (status.ok() && sync) syncer_->WroteSynced();
  if (status.ok() && !sync) syncer_->WroteUnsynced();
  return status;
}

}  // namespace mneme
