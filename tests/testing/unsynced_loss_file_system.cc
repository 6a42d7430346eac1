#include "tests/testing/unsynced_loss_file_system.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

namespace mneme {
namespace {

using ::rocksdb::DataVerificationInfo;
using ::rocksdb::FSDirectory;
using ::rocksdb::FSWritableFile;
using ::rocksdb::FSWritableFileOwnerWrapper;
using ::rocksdb::IODebugContext;
using ::rocksdb::IOOptions;
using ::rocksdb::IOStatus;

std::string Normal(const std::string& name) {
  const std::string normal =
      std::filesystem::path(name).lexically_normal().string();
  return normal.ends_with('/') ? normal.substr(0, normal.size() - 1) : normal;
}

std::string Parent(const std::string& name) {
  return std::filesystem::path(name).parent_path().string();
}

class PauselessEnv : public rocksdb::EnvWrapper {
 public:
  using EnvWrapper::EnvWrapper;
  void SleepForMicroseconds(int) override {}
};

}  // namespace

class UnsyncedLossFileSystem::File : public FSWritableFileOwnerWrapper {
 public:
  File(std::unique_ptr<FSWritableFile> file, std::string name,
       UnsyncedLossFileSystem* owner)
      : FSWritableFileOwnerWrapper(std::move(file)),
        name_(std::move(name)),
        owner_(owner) {}

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  IODebugContext* debug) override {
    IOStatus status = owner_->WriteError();
    if (status.ok()) status = target()->Append(data, options, debug);
    if (status.ok()) owner_->Wrote(name_, size_ += data.size());
    return status;
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  const DataVerificationInfo&, IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus PositionedAppend(const rocksdb::Slice&, uint64_t, const IOOptions&,
                            IODebugContext*) override {
    return IOStatus::NotSupported("PositionedAppend");
  }
  IOStatus PositionedAppend(const rocksdb::Slice&, uint64_t, const IOOptions&,
                            const DataVerificationInfo&,
                            IODebugContext*) override {
    return IOStatus::NotSupported("PositionedAppend");
  }
  IOStatus Truncate(uint64_t size, const IOOptions& options,
                    IODebugContext* debug) override {
    IOStatus status = owner_->WriteError();
    if (status.ok()) status = target()->Truncate(size, options, debug);
    if (status.ok()) owner_->Truncated(name_, size_ = size);
    return status;
  }
  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    IOStatus status = owner_->WriteError();
    if (status.ok()) owner_->Synced(name_);
    return status;
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return Sync(options, debug);
  }

 private:
  const std::string name_;
  UnsyncedLossFileSystem* const owner_;
  uint64_t size_ = 0;
};

class UnsyncedLossFileSystem::Directory : public rocksdb::FSDirectoryWrapper {
 public:
  Directory(std::unique_ptr<FSDirectory> directory, std::string name,
            UnsyncedLossFileSystem* owner)
      : FSDirectoryWrapper(std::move(directory)),
        name_(std::move(name)),
        owner_(owner) {}

  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return FsyncWithDirOptions(options, debug, {});
  }
  IOStatus FsyncWithDirOptions(const IOOptions&, IODebugContext*,
                               const rocksdb::DirFsyncOptions&) override {
    IOStatus status = owner_->WriteError();
    if (status.ok()) owner_->SyncedDirectory(name_);
    return status;
  }

 private:
  const std::string name_;
  UnsyncedLossFileSystem* const owner_;
};

UnsyncedLossFileSystem::UnsyncedLossFileSystem()
    : FileSystemWrapper(rocksdb::FileSystem::Default()) {}

void UnsyncedLossFileSystem::PowerOff() { PowerOffAfter(0); }

void UnsyncedLossFileSystem::PowerOffAfter(int64_t operations) {
  MutexLock lock(&mu_);
  operations_left_ = operations;
}

void UnsyncedLossFileSystem::RestorePower() {
  MutexLock lock(&mu_);
  for (const std::string& name : new_files_) {
    files_.erase(name);
    std::error_code missing;
    std::filesystem::remove(name, missing);
  }
  new_files_.clear();
  for (auto& [name, extent] : files_) {
    std::filesystem::resize_file(name, extent.synced);
    extent.written = extent.synced;
  }
  operations_left_ = -1;
}

void UnsyncedLossFileSystem::IgnoreSyncs(bool ignore) {
  MutexLock lock(&mu_);
  ignore_syncs_ = ignore;
}

void UnsyncedLossFileSystem::FailWrites(IOStatus status) {
  MutexLock lock(&mu_);
  failure_ = std::move(status);
}

int64_t UnsyncedLossFileSystem::syncs() const {
  MutexLock lock(&mu_);
  return syncs_;
}

IOStatus UnsyncedLossFileSystem::NewWritableFile(
    const std::string& name, const rocksdb::FileOptions& options,
    std::unique_ptr<FSWritableFile>* file, IODebugContext* debug) {
  IOStatus status = WriteError();
  if (status.ok()) {
    status = target()->NewWritableFile(name, options, file, debug);
  }
  if (!status.ok()) return status;
  const std::string normal = Normal(name);
  *file = std::make_unique<File>(std::move(*file), normal, this);
  MutexLock lock(&mu_);
  if (!files_.contains(normal)) new_files_.insert(normal);
  files_[normal] = {};
  return status;
}

IOStatus UnsyncedLossFileSystem::NewDirectory(
    const std::string& name, const IOOptions& options,
    std::unique_ptr<FSDirectory>* directory, IODebugContext* debug) {
  IOStatus status = target()->NewDirectory(name, options, directory, debug);
  if (status.ok()) {
    *directory =
        std::make_unique<Directory>(std::move(*directory), Normal(name), this);
  }
  return status;
}

IOStatus UnsyncedLossFileSystem::RenameFile(const std::string& from,
                                            const std::string& to,
                                            const IOOptions& options,
                                            IODebugContext* debug) {
  IOStatus status = WriteError();
  if (status.ok()) status = target()->RenameFile(from, to, options, debug);
  if (!status.ok()) return status;
  MutexLock lock(&mu_);
  MakeDurable(Parent(Normal(to)));
  const auto moved = files_.extract(Normal(from));
  files_.erase(Normal(to));
  if (!moved.empty()) files_[Normal(to)] = moved.mapped();
  return status;
}

IOStatus UnsyncedLossFileSystem::DeleteFile(const std::string& name,
                                            const IOOptions& options,
                                            IODebugContext* debug) {
  IOStatus status = WriteError();
  if (status.ok()) status = target()->DeleteFile(name, options, debug);
  if (!status.ok()) return status;
  MutexLock lock(&mu_);
  files_.erase(Normal(name));
  new_files_.erase(Normal(name));
  return status;
}

IOStatus UnsyncedLossFileSystem::WriteError() {
  MutexLock lock(&mu_);
  if (operations_left_ == 0) return IOStatus::IOError("the power is off");
  if (operations_left_ > 0) --operations_left_;
  return failure_;
}

void UnsyncedLossFileSystem::Wrote(const std::string& name, uint64_t end) {
  MutexLock lock(&mu_);
  const auto it = files_.find(name);
  if (it != files_.end()) it->second.written = end;
}

void UnsyncedLossFileSystem::Truncated(const std::string& name, uint64_t size) {
  MutexLock lock(&mu_);
  const auto it = files_.find(name);
  if (it == files_.end()) return;
  it->second.written = size;
  it->second.synced = std::min(it->second.synced, size);
}

void UnsyncedLossFileSystem::Synced(const std::string& name) {
  MutexLock lock(&mu_);
  ++syncs_;
  if (ignore_syncs_) return;
  const auto it = files_.find(name);
  if (it != files_.end()) it->second.synced = it->second.written;
}

void UnsyncedLossFileSystem::SyncedDirectory(const std::string& name) {
  MutexLock lock(&mu_);
  if (!ignore_syncs_) MakeDurable(name);
}

void UnsyncedLossFileSystem::MakeDurable(const std::string& folder) {
  std::erase_if(new_files_, [&](const std::string& file) {
    return Parent(file) == folder;
  });
}

std::unique_ptr<rocksdb::Env> MakePauselessEnv(
    const std::shared_ptr<rocksdb::FileSystem>& files) {
  return std::make_unique<PauselessEnv>(rocksdb::NewCompositeEnv(files));
}

}  // namespace mneme
