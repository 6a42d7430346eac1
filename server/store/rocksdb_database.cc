#include "server/store/rocksdb_database.h"

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/base/error_info.h"
#include "server/base/status_macros.h"
#include "server/store/rocksdb_settings.h"
#include "server/store/rocksdb_status.h"

namespace mneme {
namespace {

constexpr absl::string_view kFormatKey("\0mneme-format", 13);
constexpr int kFormatVersion = 2;

rocksdb::Slice Slice(absl::string_view bytes) {
  return {bytes.data(), bytes.size()};
}

// RocksDB says so only in its text: of LockFile in another process, and in
// this one.
bool IsLockConflict(const rocksdb::Status& status) {
  const std::string text = status.ToString();
  return status.IsIOError() && (absl::StrContains(text, "While lock file") ||
                                absl::StrContains(text, "lock hold by"));
}

absl::Status OpenError(const rocksdb::Status& status, const std::string& path) {
  const std::string doing = absl::StrCat("opening rocksdb store '", path, "'");
  if (IsLockConflict(status)) {
    return absl::FailedPreconditionError(
        absl::StrCat(doing, ": another process or store holds it (",
                     status.ToString(), ")"));
  }
  return FromRocksDb(status, doing);
}

}  // namespace

absl::StatusOr<std::unique_ptr<RocksDbDatabase>> RocksDbDatabase::Open(
    const std::string& path, const Options& options) {
  const std::vector<rocksdb::ColumnFamilyDescriptor> families = {
      {rocksdb::kDefaultColumnFamilyName,
       RecordFamilySettings(options.write_buffer_bytes)},
      {"objects", ObjectFamilySettings(options.write_buffer_bytes)}};
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(
      DatabaseSettings(options.env, options.write_buffer_bytes,
                       options.recover_to_last_good),
      path, families, &handles, &db);
  if (!status.ok()) return OpenError(status, path);
  std::unique_ptr<RocksDbDatabase> database(
      new RocksDbDatabase(path, options, db, handles));
  RETURN_IF_ERROR(database->CheckFormat());
  return database;
}

RocksDbDatabase::RocksDbDatabase(
    std::string path, const Options& options, rocksdb::DB* db,
    const std::vector<rocksdb::ColumnFamilyHandle*>& families)
    : path_(std::move(path)),
      options_(options),
      db_(db),
      records_(families.at(0)),
      objects_(families.at(1)) {}

RocksDbDatabase::~RocksDbDatabase() {
  db_->DestroyColumnFamilyHandle(objects_).PermitUncheckedError();
  db_->DestroyColumnFamilyHandle(records_).PermitUncheckedError();
}

absl::StatusOr<absl::string_view> RocksDbDatabase::Get(
    Family family, absl::string_view key,
    rocksdb::PinnableSlice* buffer) const {
  RETURN_IF_ERROR(Convert(
      db_->Get(rocksdb::ReadOptions(), handle(family), Slice(key), buffer),
      "reading"));
  return absl::string_view(buffer->data(), buffer->size());
}

std::vector<absl::StatusOr<absl::string_view>> RocksDbDatabase::GetAll(
    Family family, const std::vector<std::string>& keys,
    std::vector<rocksdb::PinnableSlice>* buffers) const {
  const std::vector<rocksdb::Slice> slices(keys.begin(), keys.end());
  std::vector<rocksdb::Status> statuses(keys.size());
  db_->MultiGet(rocksdb::ReadOptions(), handle(family), keys.size(),
                slices.data(), buffers->data(), statuses.data());
  std::vector<absl::StatusOr<absl::string_view>> values;
  for (size_t i = 0; i < keys.size(); ++i) {
    const absl::Status status = Convert(statuses[i], "reading");
    if (status.ok()) {
      values.emplace_back(
          absl::string_view((*buffers)[i].data(), (*buffers)[i].size()));
    } else {
      values.emplace_back(status);
    }
  }
  return values;
}

absl::Status RocksDbDatabase::Write(rocksdb::WriteBatch* batch, bool sync) {
  rocksdb::WriteOptions options;
  options.sync = sync;
  MutexLock lock(&log_mu_);
  RETURN_IF_ERROR(ResumeIfFailed());
  return Logged(db_->Write(options, batch), "writing");
}

absl::Status RocksDbDatabase::Sync() {
  MutexLock lock(&log_mu_);
  RETURN_IF_ERROR(ResumeIfFailed());
  return Logged(db_->SyncWAL(), "syncing the log of");
}

absl::Status RocksDbDatabase::Rewrite() {
  {
    MutexLock lock(&log_mu_);
    RETURN_IF_ERROR(ResumeIfFailed());
  }
  // Then all that the log says is in files.
  RETURN_IF_ERROR(Noted(db_->Flush({}, {records_, objects_}), "flushing"));
  RETURN_IF_ERROR(Compact(Family::kRecords));
  return Compact(Family::kObjects);
}

absl::Status RocksDbDatabase::Compact(Family family) {
  rocksdb::CompactRangeOptions options;
  options.bottommost_level_compaction =
      rocksdb::BottommostLevelCompaction::kForceOptimized;
  options.blob_garbage_collection_policy =
      rocksdb::BlobGarbageCollectionPolicy::kForce;
  options.blob_garbage_collection_age_cutoff = 1;
  return Noted(db_->CompactRange(options, handle(family), nullptr, nullptr),
               "compacting");
}

absl::Status RocksDbDatabase::DropOldFiles() {
  // Starts a manifest that begins after the compactions.
  RETURN_IF_ERROR(Noted(db_->Flush({}, records_), "flushing"));
  // A job that runs would keep files from being deleted.
  RETURN_IF_ERROR(Noted(db_->PauseBackgroundWork(), "pausing"));
  rocksdb::Status status = db_->DisableFileDeletions();
  if (status.ok()) {
    // Waits for deletions that have begun.
    rocksdb::VectorLogPtr logs;
    status = db_->GetSortedWalFiles(logs);
    // Deletes all that is not in use.
    const rocksdb::Status enabled = db_->EnableFileDeletions(/*force=*/false);
    if (status.ok()) status = enabled;
  }
  const rocksdb::Status resumed = db_->ContinueBackgroundWork();
  if (status.ok()) status = resumed;
  return Noted(status, "deleting old files of");
}

std::unique_ptr<rocksdb::Iterator> RocksDbDatabase::NewIterator(
    Family family, const rocksdb::Slice* end) const {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  options.iterate_upper_bound = end;
  return std::unique_ptr<rocksdb::Iterator>(
      db_->NewIterator(options, handle(family)));
}

absl::Status RocksDbDatabase::CheckFormat() {
  rocksdb::PinnableSlice buffer;
  const auto stored = Get(Family::kRecords, kFormatKey, &buffer);
  if (stored.ok()) {
    int version = 0;
    // Written anew: RocksDB resumes after a failed write only if there was one
    // before that it has not flushed.
    if (absl::SimpleAtoi(*stored, &version) && version == kFormatVersion) {
      return WriteFormat();
    }
    return absl::FailedPreconditionError(
        absl::StrCat("rocksdb store '", path_, "' has format version '",
                     *stored, "', this server reads version ", kFormatVersion));
  }
  if (!absl::IsNotFound(stored.status())) return stored.status();
  const std::unique_ptr<rocksdb::Iterator> it(
      db_->NewIterator(rocksdb::ReadOptions(), records_));
  it->SeekToFirst();
  RETURN_IF_ERROR(Convert(it->status(), "reading"));
  if (it->Valid()) {
    return absl::FailedPreconditionError(
        absl::StrCat("'", path_,
                     "' holds a RocksDB database of another "
                     "program: it has no key mneme-format"));
  }
  return WriteFormat();
}

absl::Status RocksDbDatabase::WriteFormat() {
  rocksdb::WriteBatch batch;
  RETURN_IF_ERROR(Convert(
      batch.Put(Slice(kFormatKey), absl::StrCat(kFormatVersion)), "writing"));
  return Write(&batch, /*sync=*/true);
}

absl::Status RocksDbDatabase::ResumeIfFailed() {
  if (!resume_at_.has_value()) return absl::OkStatus();
  const absl::Duration now = options_.clock->Monotonic();
  if (now < *resume_at_) {
    return MakeError(
        absl::StatusCode::kUnavailable,
        absl::StrCat("the last write to rocksdb store '", path_, "' failed"),
        {"STORE_DOWN", {}, *resume_at_ - now});
  }
  resume_at_.reset();
  return Logged(db_->Resume(), "resuming after a failed write to");
}

absl::Status RocksDbDatabase::Logged(const rocksdb::Status& status,
                                     absl::string_view doing) {
  if (status.ok()) return absl::OkStatus();
  resume_at_ = options_.clock->Monotonic() + options_.resume_interval;
  // Whatever it is, also damage that RocksDB met elsewhere: nothing can be
  // written.
  return MakeError(
      absl::StatusCode::kUnavailable,
      absl::StrCat(doing, " rocksdb store '", path_, "': ", status.ToString()),
      {"STORE_DOWN", {}, options_.resume_interval});
}

absl::Status RocksDbDatabase::Noted(const rocksdb::Status& status,
                                    absl::string_view doing) {
  MutexLock lock(&log_mu_);
  return status.ok() ? absl::OkStatus() : Logged(status, doing);
}

absl::Status RocksDbDatabase::Convert(const rocksdb::Status& status,
                                      absl::string_view doing) const {
  if (status.ok()) return absl::OkStatus();
  return FromRocksDb(status,
                     absl::StrCat(doing, " rocksdb store '", path_, "'"));
}

}  // namespace mneme
