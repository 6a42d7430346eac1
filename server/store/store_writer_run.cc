// The part of StoreWriter that runs what was submitted.

#include <algorithm>
#include <utility>

#include "server/base/kill_point.h"
#include "server/base/status_macros.h"
#include "server/store/store_writer.h"

namespace mneme {
namespace {

// Bounds the values that are in memory at once.
constexpr size_t kMostTogether = 64;

}  // namespace

absl::Status StoreWriter::Take(const RemoveOp& remove) {
  if (remove.erase) RETURN_IF_ERROR(store_->MarkErase());
  return store_->Remove(remove.session, remove.tombstone);
}

absl::Status StoreWriter::Take(const RemoveTombstoneOp& remove) {
  if (remove.erase) RETURN_IF_ERROR(store_->MarkErase());
  return store_->RemoveTombstone(remove.session);
}

void StoreWriter::RunEarly(std::vector<Op> ops) {
  // The newest operations that nothing else has come after.
  std::vector<ReadOp> values;
  std::vector<ReloadOp> reloads;
  for (Op& op : ops) {
    auto* read = std::get_if<ReadOp>(&op);
    auto* reload = std::get_if<ReloadOp>(&op);
    if (read != nullptr && std::holds_alternative<ValueKey>(read->key)) {
      values.push_back(std::move(*read));
    } else if (reload != nullptr) {
      reloads.push_back(std::move(*reload));
    } else {
      ReadValues(&values);
      ReloadSessions(&reloads);
      std::visit([this](auto& one) { Run(&one); }, op);
    }
    if (values.size() == kMostTogether) ReadValues(&values);
    if (reloads.size() == kMostTogether) ReloadSessions(&reloads);
  }
  ReadValues(&values);
  ReloadSessions(&reloads);
}

void StoreWriter::ReadValues(std::vector<ReadOp>* reads) {
  if (reads->empty()) return;
  std::vector<ValueKey> keys;
  for (const ReadOp& read : *reads) {
    keys.push_back(std::get<ValueKey>(read.key));
  }
  const absl::Duration start = options_.clock->Monotonic();
  MemoryStore::Values values = store_->GetValues(keys);
  CountReads(values, options_.clock->Monotonic() - start);
  for (size_t i = 0; i < reads->size(); ++i) {
    std::move((*reads)[i].done)(std::move(values[i]));
  }
  reads->clear();
}

void StoreWriter::CountReads(const MemoryStore::Values& values,
                             absl::Duration took) {
  MutexLock lock(&mu_);
  ++stats_.read_groups;
  stats_.read_time += took;
  for (const auto& value : values) {
    ++stats_.reads;
    if (value.ok()) stats_.read_bytes += static_cast<int64_t>(value->size());
  }
}

void StoreWriter::Run(ReadOp* read) {
  const absl::Duration start = options_.clock->Monotonic();
  MemoryStore::Values reply;
  reply.push_back(store_->GetReply(std::get<ReplyKey>(read->key)));
  CountReads(reply, options_.clock->Monotonic() - start);
  std::move(read->done)(std::move(reply[0]));
}

void StoreWriter::ReloadSessions(std::vector<ReloadOp>* reloads) {
  if (reloads->empty()) return;
  std::vector<MemoryStore::ReloadRequest> requests;
  for (const ReloadOp& reload : *reloads) requests.push_back(reload.request);
  auto records = store_->ReloadAll(requests);
  for (size_t i = 0; i < reloads->size(); ++i) {
    NoteFailure(records[i].status());
    std::move((*reloads)[i].done)(std::move(records[i]));
  }
  reloads->clear();
}

void StoreWriter::Run(RemoveOp* remove) {
  absl::Status status = Take(*remove);
  {
    MutexLock lock(&mu_);
    ++stats_.removes;
  }
  NoteFailure(status);
  std::move(remove->done)(std::move(status));
}

void StoreWriter::Run(RemoveTombstoneOp* remove) {
  absl::Status status = Take(*remove);
  NoteFailure(status);
  std::move(remove->done)(std::move(status));
}

void StoreWriter::Run(FlushOp* flush) {
  absl::Status status = store_->Flush();
  NoteFailure(status);
  std::move(flush->done)(std::move(status));
}

void StoreWriter::ApplyGroup(Round round) {
  const size_t size = round.commits.size();
  const absl::Duration start = options_.clock->Monotonic();
  KillPoint("before_group_write");
  std::vector<absl::Status> statuses = store_->Apply(std::move(round.commits));
  KillPoint("after_group_write");
  const absl::Duration took = options_.clock->Monotonic() - start;
  statuses.resize(size, absl::InternalError("the store gave no status"));
  {
    MutexLock lock(&mu_);
    ++stats_.groups;
    stats_.commits += static_cast<int64_t>(size);
    stats_.failed_commits +=
        std::count_if(statuses.begin(), statuses.end(),
                      [](const absl::Status& status) { return !status.ok(); });
    stats_.bytes += round.bytes;
    stats_.last_group_commits = static_cast<int64_t>(size);
    stats_.apply_time += took;
    if (round.sync) {
      ++stats_.sync_groups;
      stats_.sync_time += took;
    }
  }
  for (const absl::Status& status : statuses) NoteFailure(status);
  TellReleased();
  for (size_t i = 0; i < size; ++i) {
    std::move(round.commit_dones[i])(std::move(statuses[i]));
  }
}

void StoreWriter::TellReleased() {
  const std::vector<SessionKey> released = store_->TakeReleased();
  if (released.empty()) return;
  OnReleased tell;
  {
    MutexLock lock(&mu_);
    tell = on_released_;
  }
  if (!tell) return;
  for (const SessionKey& session : released) tell(session);
}

}  // namespace mneme
