#ifndef MNEME_TESTS_SERVER_SESSION_SESSION_FIXTURE_H_
#define MNEME_TESTS_SERVER_SESSION_SESSION_FIXTURE_H_

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/session/lineage.h"
#include "server/session/prefix_index.h"
#include "server/session/session_manager.h"
#include "server/store/in_process_store.h"
#include "tests/server/session/fake_streams.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/fake_model.h"
#include "tests/testing/pending.h"
#include "tests/testing/status_matchers.h"

namespace mneme {

// Counts segments by where they came from, and messages. Thread-safe.
class CountingObserver : public BatchObserver, public SessionObserver {
 public:
  void OnBatch(const ModelSpec&, int64_t, int64_t, absl::Duration) override {}
  void OnSegment(absl::string_view, const AppliedSegment& segment) override {
    ++segments_[static_cast<size_t>(segment.source)];
  }
  void OnRequest(const absl::Status&, absl::Duration) override { ++requests_; }

  int segments(SegmentSource source) const {
    return segments_[static_cast<size_t>(source)];
  }
  int requests() const { return requests_; }

 private:
  std::array<std::atomic<int>, 5> segments_{};
  std::atomic<int> requests_ = 0;
};

// A FakeModel that writes down how many outputs each row asked for. Read what
// it wrote while no step runs.
class AskedModel : public FakeModel {
 public:
  using FakeModel::FakeModel;

  const std::vector<size_t>& asked() const { return asked_; }

 private:
  absl::StatusOr<std::vector<StepResult>> Apply(
      absl::Span<const StepRow> rows) override {
    for (const StepRow& row : rows) asked_.push_back(row.request->names.size());
    return FakeModel::Apply(rows);
  }

  std::vector<size_t> asked_;
};

// Session layer, scheduler and writer over an in-process store and a FakeModel
// of segment size 4; the store outlives Restart().
class SessionFixture : public ::testing::Test, protected FakeStreams {
 protected:
  using Reply = Pending<absl::StatusOr<SegmentReply>>;

  SessionFixture() { Start(); }
  ~SessionFixture() override { Stop(); }

  void Start() {
    scheduler_ =
        std::make_unique<Scheduler>(Scheduler::Options(), &clock_, &observer_);
    writer_ = std::make_unique<StoreWriter>(store_.get());
    SessionContext context;
    context.clock = &clock_;
    context.scheduler = scheduler_.get();
    context.writer = writer_.get();
    context.observer = &observer_;
    tiers_ = std::make_unique<MemoryTiers>(tier_limits_);
    context.tiers = tiers_.get();
    if (prefix_entries_ > 0) {
      prefixes_ = std::make_unique<PrefixIndex>(prefix_entries_);
    }
    context.prefixes = prefixes_.get();
    context.limits = limits_;
    std::map<std::string, SequenceModel*> models;
    for (FakeModel* model : models_) models[model->spec().name] = model;
    manager_ = std::make_unique<SessionManager>(context, std::move(models));
    ASSERT_OK(manager_->Recover(store_.get()));
  }

  void Stop() {
    manager_.reset();
    scheduler_.reset();
    writer_.reset();
    tiers_.reset();
    prefixes_.reset();
  }

  void Restart() {
    Stop();
    Start();
  }

  void UseStore(std::unique_ptr<MemoryStore> store) {
    Stop();
    store_ = std::move(store);
    Start();
  }

  static SessionKey Key(const std::string& id) { return {"default", id}; }

  absl::StatusOr<SessionInfo> Open(const std::string& id,
                                   MemoryPolicy policy = MemoryPolicy::kCarry) {
    SessionManager::OpenRequest request;
    request.policy = policy;
    Pending<absl::StatusOr<SessionInfo>> info;
    manager_->Open(Key(id), request, info.Setter());
    return info.Get();
  }

  absl::StatusOr<MemoryHandle> Close(const std::string& id) {
    Pending<absl::StatusOr<MemoryHandle>> last;
    manager_->Close(Key(id), last.Setter());
    return last.Get();
  }

  // As the store knows it, if this server is in doubt.
  absl::StatusOr<SessionInfo> Fetch(const std::string& id) {
    Pending<absl::StatusOr<SessionInfo>> info;
    manager_->Get(Key(id), info.Setter());
    return info.Get();
  }

  SessionManager::Page List(const std::string& tenant, const std::string& after,
                            size_t limit, const std::string& model,
                            const std::string& prefix = "") {
    Pending<absl::StatusOr<SessionManager::Page>> page;
    manager_->List({tenant, after, limit, model, prefix}, page.Setter());
    return *page.Get();
  }

  std::vector<uint64_t> RetainedSteps(const std::string& id) {
    std::vector<uint64_t> steps;
    const SessionInfo info = *manager_->Get(Key(id));
    for (const MemoryHandle& handle : info.retained) {
      steps.push_back(handle.step);
    }
    return steps;
  }

  // What the store holds of session "s".
  absl::StatusOr<std::string> StoredValueOf(const MemoryHandle& handle) {
    const StoredRecord record = store_->LoadRecords()->records.at(0);
    return store_->GetValue(
        {record.session.tenant, record.root, handle.digest});
  }
  absl::StatusOr<std::string> StoredReplyOf(uint64_t step) {
    return store_->GetReply({Key("s"), step});
  }

  Position At(const std::string& id) { return manager_->Get(Key(id))->head; }

  Reply Send(const std::string& id, SegmentRequest request,
             CursorRef cursor = std::make_shared<Cursor>()) {
    Reply reply;
    manager_->Process(Key(id), cursor, std::move(request), reply.Setter());
    return reply;
  }

  static SegmentRequest Request(std::optional<Position> at,
                                std::vector<int32_t> tokens,
                                std::vector<std::string> outputs = {"sum"}) {
    SegmentRequest request;
    request.at = std::move(at);
    request.tokens = std::move(tokens);
    request.outputs.names = std::move(outputs);
    return request;
  }

  FakeClock clock_;
  CountingObserver observer_;
  AskedModel model_{4};
  std::vector<FakeModel*> models_ = {&model_};
  SessionLimits limits_;
  MemoryTiers::Limits tier_limits_ = {1 << 20, 1 << 20};
  std::unique_ptr<MemoryStore> store_ = std::make_unique<InProcessStore>();
  int64_t prefix_entries_ = 0;  // sessions share no steps
  std::unique_ptr<MemoryTiers> tiers_;
  std::unique_ptr<PrefixIndex> prefixes_;
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<StoreWriter> writer_;
  std::unique_ptr<SessionManager> manager_;
};

}  // namespace mneme

#endif  // MNEME_TESTS_SERVER_SESSION_SESSION_FIXTURE_H_
