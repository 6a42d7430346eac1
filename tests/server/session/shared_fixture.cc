#include "tests/server/session/shared_fixture.h"

#include <utility>

namespace mneme {
namespace {

SessionKey Key(const std::string& id) { return {"default", id}; }

}  // namespace

SharingServer::SharingServer(const RedisStore::Options& options,
                             const SessionLimits& limits, Clock* clock)
    : tiers_({1 << 20, 1 << 20}) {
  auto store = RedisStore::Open(options);
  EXPECT_OK(store);
  store_ = *std::move(store);
  writer_ = std::make_unique<StoreWriter>(store_.get());
  scheduler_ = std::make_unique<Scheduler>(Scheduler::Options(), clock, this);
  SessionContext context;
  context.clock = clock;
  context.scheduler = scheduler_.get();
  context.writer = writer_.get();
  context.observer = this;
  context.tiers = &tiers_;
  context.limits = limits;
  manager_ = std::make_unique<SessionManager>(
      context, std::map<std::string, SequenceModel*>{{"fake", &model_}});
  EXPECT_OK(manager_->Recover(store_.get()));
}

SharingServer::~SharingServer() {
  manager_.reset();
  scheduler_.reset();
  writer_.reset();
}

absl::StatusOr<SessionInfo> SharingServer::Open(
    const std::string& id, SessionManager::OpenRequest request) {
  Pending<absl::StatusOr<SessionInfo>> info;
  manager_->Open(Key(id), request, info.Setter());
  return info.Get();
}

absl::StatusOr<SegmentReply> SharingServer::Send(const std::string& id,
                                                 std::optional<Position> at,
                                                 std::vector<int32_t> tokens) {
  return Begin(id, std::move(at), std::move(tokens)).Get();
}

Pending<absl::StatusOr<SegmentReply>> SharingServer::Begin(
    const std::string& id, std::optional<Position> at,
    std::vector<int32_t> tokens) {
  SegmentRequest request;
  request.at = std::move(at);
  request.tokens = std::move(tokens);
  request.outputs.names = {"sum"};
  Pending<absl::StatusOr<SegmentReply>> reply;
  manager_->Process(Key(id), std::make_shared<Cursor>(), std::move(request),
                    reply.Setter());
  return reply;
}

absl::StatusOr<SessionInfo> SharingServer::Get(const std::string& id) {
  Pending<absl::StatusOr<SessionInfo>> info;
  manager_->Get(Key(id), info.Setter());
  return info.Get();
}

absl::StatusOr<SessionInfo> SharingServer::Touch(const std::string& id,
                                                 TouchChange change) {
  Pending<absl::StatusOr<SessionInfo>> info;
  manager_->Touch(Key(id), std::make_shared<Cursor>(), std::move(change),
                  info.Setter());
  return info.Get();
}

absl::StatusOr<SessionInfo> SharingServer::Rollback(const std::string& id,
                                                    const MemoryHandle& to) {
  Pending<absl::StatusOr<SessionInfo>> info;
  manager_->Rollback(Key(id), std::make_shared<Cursor>(), to, std::nullopt,
                     info.Setter());
  return info.Get();
}

absl::StatusOr<SessionInfo> SharingServer::Fork(const std::string& id,
                                                const std::string& fork_id) {
  Pending<absl::StatusOr<SessionInfo>> info;
  manager_->Fork(Key(id), std::make_shared<Cursor>(), std::nullopt, fork_id,
                 info.Setter());
  return info.Get();
}

absl::StatusOr<MemoryHandle> SharingServer::Close(const std::string& id) {
  Pending<absl::StatusOr<MemoryHandle>> last;
  manager_->Close(Key(id), last.Setter());
  return last.Get();
}

absl::StatusOr<MemoryHandle> SharingServer::Erase(const std::string& id) {
  Pending<absl::StatusOr<MemoryHandle>> last;
  manager_->Erase(Key(id), last.Setter());
  return last.Get();
}

absl::StatusOr<SessionManager::Page> SharingServer::List(
    const std::string& after, size_t limit, const std::string& prefix) {
  Pending<absl::StatusOr<SessionManager::Page>> page;
  manager_->List({"default", after, limit, "", prefix}, page.Setter());
  return page.Get();
}

}  // namespace mneme
