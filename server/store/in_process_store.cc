#include "server/store/in_process_store.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/store/checksum.h"

namespace mneme {
namespace {

uint64_t RecordChecksum(const SessionKey& key, const Digest& head,
                        absl::string_view record) {
  return Checksum({key.tenant, key.session_id, AsBytes(head), record});
}

uint64_t ObjectChecksum(const SessionKey& key, absl::string_view name,
                        absl::string_view bytes) {
  return Checksum({key.tenant, key.session_id, name, bytes});
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

absl::StatusOr<std::string> InProcessStore::GetObject(
    const ObjectKey& key) const {
  MutexLock lock(&mu_);
  const auto session = sessions_.find(key.session);
  if (session != sessions_.end()) {
    const auto object = session->second.objects.find(key.name);
    if (object != session->second.objects.end()) {
      const Checked& checked = object->second;
      if (ObjectChecksum(key.session, key.name, checked.bytes) ==
          checked.checksum) {
        return checked.bytes;
      }
      return absl::DataLossError(
          absl::StrCat(Describe(key), " fails its checksum"));
    }
  }
  return absl::NotFoundError(absl::StrCat(Describe(key), " is not stored"));
}

absl::Status InProcessStore::Remove(const SessionKey& session) {
  MutexLock lock(&mu_);
  sessions_.erase(session);
  return absl::OkStatus();
}

absl::StatusOr<MemoryStore::Records> InProcessStore::LoadRecords() const {
  Records out;
  MutexLock lock(&mu_);
  for (const auto& [key, session] : sessions_) {
    const Checked& record = session.record;
    if (RecordChecksum(key, session.head.head, record.bytes) ==
        record.checksum) {
      out.records.push_back(
          {key, session.head.head, session.head.durability, record.bytes});
    } else {
      out.corrupt.push_back(key);
    }
  }
  return out;
}

absl::StatusOr<int64_t> InProcessStore::CollectOrphans(
    const std::vector<ObjectKey>& named) {
  const std::set<ObjectKey> keep(named.begin(), named.end());
  int64_t removed = 0;
  MutexLock lock(&mu_);
  for (auto& [key, session] : sessions_) {
    if (RecordChecksum(key, session.head.head, session.record.bytes) !=
        session.record.checksum) {
      continue;
    }
    removed += static_cast<int64_t>(
        std::erase_if(session.objects, [&, &owner = key](const auto& entry) {
          return !keep.contains(ObjectKey{owner, entry.first});
        }));
  }
  return removed;
}

absl::Status InProcessStore::ApplyOne(Commit commit) {
  MutexLock lock(&mu_);
  return ApplyLocked(std::move(commit));
}

std::optional<StoredHead> InProcessStore::FindHead(
    const SessionKey& session) const {
  MutexLock lock(&mu_);
  const auto it = sessions_.find(session);
  if (it == sessions_.end()) return std::nullopt;
  return it->second.head;
}

void InProcessStore::CorruptObjectForTest(const ObjectKey& key) {
  MutexLock lock(&mu_);
  FlipLastBit(&sessions_.at(key.session).objects.at(key.name).bytes);
}

void InProcessStore::CorruptRecordForTest(const SessionKey& session) {
  MutexLock lock(&mu_);
  FlipLastBit(&sessions_.at(session).record.bytes);
}

absl::Status InProcessStore::ApplyLocked(Commit commit) {
  auto it = sessions_.find(commit.session);
  std::optional<StoredHead> stored;
  if (it != sessions_.end()) stored = it->second.head;
  RETURN_IF_ERROR(CheckCommit(commit, stored));
  if (it == sessions_.end()) it = sessions_.try_emplace(commit.session).first;
  const SessionKey& key = it->first;
  Session& session = it->second;
  session.head = {commit.head, commit.durability};
  const uint64_t record_checksum =
      RecordChecksum(key, commit.head, commit.record);
  session.record = {std::move(commit.record), record_checksum};
  for (const ObjectKey& deleted : commit.deletes) {
    session.objects.erase(deleted.name);
  }
  for (Object& put : commit.puts) {
    const uint64_t checksum = ObjectChecksum(key, put.key.name, put.bytes);
    session.objects.insert_or_assign(std::move(put.key.name),
                                     Checked{std::move(put.bytes), checksum});
  }
  return absl::OkStatus();
}

}  // namespace mneme
