#include "server/store/store_writer.h"

#include <iterator>
#include <utility>

#include "server/base/error_info.h"
#include "server/base/kill_point.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

using Ref = std::pair<absl::string_view, absl::string_view>;

Ref RefTo(const SessionKey& key) { return {key.tenant, key.session_id}; }

Ref RefTo(const std::string& tenant, const Root& root) {
  return {tenant, {reinterpret_cast<const char*>(root.data()), root.size()}};
}

int64_t BytesIn(const Commit& commit) {
  size_t bytes = commit.record.bytes.size();
  for (const StoredValue& value : commit.values) bytes += value.bytes->size();
  for (const StoredReply& reply : commit.replies) bytes += reply.bytes.size();
  return static_cast<int64_t>(bytes);
}

}  // namespace

StoreWriter::StoreWriter(MemoryStore* store, Options options)
    : store_(store),
      options_(std::move(options)),
      scrubber_(store),
      directory_(store->directory()),
      thread_([this] { Loop(); }) {}

StoreWriter::~StoreWriter() {
  directory_.Stop();  // its answers may submit
  {
    MutexLock lock(&mu_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void StoreWriter::Submit(Commit commit, Done done) {
  Enqueue(CommitOp{std::move(commit), std::move(done)});
}

void StoreWriter::ReadValue(ValueKey key, ReadDone done) {
  Enqueue(ReadOp{std::move(key), std::move(done)});
}

void StoreWriter::ReadReply(ReplyKey key, ReadDone done) {
  Enqueue(ReadOp{std::move(key), std::move(done)});
}

void StoreWriter::Reload(MemoryStore::ReloadRequest request, ReloadDone done) {
  Enqueue(ReloadOp{std::move(request), std::move(done)});
}

void StoreWriter::Forget(SessionKey session) {
  Enqueue(ForgetOp{std::move(session)});
}

void StoreWriter::SetOnReleased(OnReleased on_released) {
  MutexLock lock(&mu_);
  on_released_ = std::move(on_released);
}

void StoreWriter::Remove(SessionKey session, std::string tombstone, Done done) {
  Enqueue(RemoveOp{std::move(session), std::move(tombstone), std::move(done)});
}

void StoreWriter::RemoveTombstone(SessionKey session, Done done) {
  Enqueue(RemoveTombstoneOp{std::move(session), std::move(done)});
}

void StoreWriter::Erase(SessionKey session, Done done) {
  Enqueue(RemoveOp{std::move(session), "", std::move(done), /*erase=*/true});
}

void StoreWriter::EraseTombstone(SessionKey session, Done done) {
  Enqueue(
      RemoveTombstoneOp{std::move(session), std::move(done), /*erase=*/true});
}

absl::Status StoreWriter::Flush() {
  struct Waiter {
    Mutex mu;
    std::condition_variable cv;
    bool done ABSL_GUARDED_BY(mu) = false;
    absl::Status status ABSL_GUARDED_BY(mu);
  } waiter;
  Enqueue(FlushOp{[&waiter](absl::Status status) {
    MutexLock lock(&waiter.mu);
    waiter.status = std::move(status);
    waiter.done = true;
    waiter.cv.notify_one();
  }});
  MutexLock lock(&waiter.mu);
  while (!waiter.done) lock.Wait(waiter.cv);
  return waiter.status;
}

StoreWriterStats StoreWriter::stats() const {
  MutexLock lock(&mu_);
  StoreWriterStats stats = stats_;
  stats.queued = static_cast<int64_t>(inbox_.size() + pending_size_);
  return stats;
}

void StoreWriter::Enqueue(Op op) {
  bool was_empty;
  {
    MutexLock lock(&mu_);
    was_empty = inbox_.empty();
    inbox_.push_back(std::move(op));
  }
  if (was_empty) wake_.notify_one();
}

void StoreWriter::Loop() {
  while (FillPending()) {
    if (ProbeIsDue()) Probe();
    Round round = TakeRound();
    CountPending();
    RunEarly(std::move(round.early));
    if (!round.commits.empty()) ApplyGroup(std::move(round));
  }
}

bool StoreWriter::FillPending() {
  std::deque<Op> taken;
  bool stopping;
  {
    MutexLock lock(&mu_);
    while (pending_.empty() && inbox_.empty() && !stopping_ && !ProbeIsDue()) {
      options_.clock->WaitUntil(lock, wake_, probe_at_);
    }
    taken.swap(inbox_);
    pending_size_ += taken.size();
    stopping = stopping_;
  }
  if (pending_.empty()) {
    pending_ = std::move(taken);
  } else {
    std::move(taken.begin(), taken.end(), std::back_inserter(pending_));
  }
  return !pending_.empty() || !stopping;
}

bool StoreWriter::ProbeIsDue() const {
  return probe_at_ < absl::InfiniteDuration() &&
         options_.clock->Monotonic() >= probe_at_;
}

void StoreWriter::Probe() {
  const absl::Status status = store_->Probe();
  if (status.ok() != stats().up) return SetHealth(status);
  probe_at_ = NextProbe(status);
}

void StoreWriter::NoteFailure(const absl::Status& status) {
  if (status.ok() || probe_at_ < absl::InfiniteDuration()) return;
  if (GetErrorInfo(status).reason != "STORE_DOWN") return;
  if (!store_->fails_in_parts()) return SetHealth(status);
  probe_at_ = NextProbe(status);
}

absl::Duration StoreWriter::NextProbe(const absl::Status& status) const {
  return status.ok() ? absl::InfiniteDuration()
                     : options_.clock->Monotonic() + options_.probe_interval;
}

void StoreWriter::SetHealth(const absl::Status& status) {
  probe_at_ = NextProbe(status);
  {
    MutexLock lock(&mu_);
    stats_.up = status.ok();
  }
  if (options_.on_health) options_.on_health(status);
}

void StoreWriter::CountPending() {
  MutexLock lock(&mu_);
  pending_size_ = pending_.size();
}

StoreWriter::Round StoreWriter::TakeRound() {
  Round round;
  round.commits.reserve(pending_.size());
  for (; !pending_.empty(); pending_.pop_front()) {
    Op& op = pending_.front();
    if (auto* commit = std::get_if<CommitOp>(&op)) {
      if (!AddCommit(commit, &round)) return round;
    } else {
      if (WaitsForCommits(op, &round)) return round;
      round.early.push_back(std::move(op));
    }
  }
  return round;
}

bool StoreWriter::AddCommit(CommitOp* op, Round* round) {
  const int64_t bytes = BytesIn(op->commit);
  const bool full = round->bytes + bytes > options_.max_group_bytes;
  if (full && !round->commits.empty()) return false;
  round->bytes += bytes;
  const Durability durability = op->commit.record.durability;
  round->sync |= durability == Durability::kSync ||
                 (op->commit.sync && durability == Durability::kAsync);
  round->commits.push_back(std::move(op->commit));
  round->commit_dones.push_back(std::move(op->done));
  return true;
}

bool StoreWriter::WaitsForCommits(const Op& op, Round* round) {
  if (std::holds_alternative<FlushOp>(op)) return !round->commits.empty();
  while (round->indexed < round->commits.size()) {
    const Commit& commit = round->commits[round->indexed++];
    const StoredRecord& record = commit.record;
    round->touched.insert(RefTo(record.session));
    if (commit.parent.has_value()) {
      round->touched.insert(RefTo(*commit.parent));
    }
    round->touched.insert(RefTo(record.session.tenant, record.root));
  }
  if (const auto* reload = std::get_if<ReloadOp>(&op)) {
    return round->touched.contains(RefTo(reload->request.session));
  }
  if (const auto* forget = std::get_if<ForgetOp>(&op)) {
    return round->touched.contains(RefTo(forget->session));
  }
  if (const auto* remove = std::get_if<RemoveOp>(&op)) {
    return round->touched.contains(RefTo(remove->session));
  }
  if (const auto* remove = std::get_if<RemoveTombstoneOp>(&op)) {
    return round->touched.contains(RefTo(remove->session));
  }
  const auto& key = std::get<ReadOp>(op).key;
  if (const auto* reply = std::get_if<ReplyKey>(&key)) {
    return round->touched.contains(RefTo(reply->session));
  }
  const auto& value = std::get<ValueKey>(key);
  return round->touched.contains(RefTo(value.tenant, value.root));
}

}  // namespace mneme
