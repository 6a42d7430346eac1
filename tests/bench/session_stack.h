#ifndef MNEME_TESTS_BENCH_SESSION_STACK_H_
#define MNEME_TESTS_BENCH_SESSION_STACK_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/session/session_manager.h"
#include "server/store/make_store.h"
#include "tests/testing/fake_model.h"
#include "tests/testing/pending.h"

namespace mneme {

inline constexpr int32_t kSegment = 4;

class NoObserver : public BatchObserver, public SessionObserver {
 public:
  void OnBatch(const ModelSpec&, int64_t, int64_t, absl::Duration) override {}
  void OnSegment(absl::string_view, const AppliedSegment&) override {}
  void OnRequest(const absl::Status&, absl::Duration) override {}
};

// The layers between the RPCs and the disk.
class Stack {
 public:
  Stack(const std::string& store, const MemoryTiers::Limits& tiers,
        Durability durability)
      : durability_(durability),
        store_(MakeStore(store).value()),
        tiers_(tiers),
        scheduler_(Scheduler::Options(), Clock::Real(), &observer_),
        writer_(store_.get()),
        manager_(std::in_place, Context(),
                 std::map<std::string, SequenceModel*>{
                     {model_.spec().name, &model_}}) {}

  void Recover() { manager_->Recover(store_.get()).value(); }
  void DropSessions() { manager_.reset(); }
  MemoryTiers& tiers() { return tiers_; }
  StoreWriterStats store_stats() const { return writer_.stats(); }

  void Open(const std::string& id,
            std::optional<absl::Duration> idle_ttl = std::nullopt) {
    SessionManager::OpenRequest request;
    request.durability = durability_;
    request.idle_ttl = idle_ttl;
    Pending<absl::StatusOr<SessionInfo>> info;
    manager_->Open({"bench", id}, request, info.Setter());
    info.Get().value();
  }
  void Apply(const std::string& id, SegmentDone done) {
    SegmentRequest request;
    request.tokens.assign(kSegment, 7);
    manager_->Process({"bench", id}, std::make_shared<Cursor>(),
                      std::move(request), std::move(done));
  }
  void Fork(const std::string& id, const std::string& fork) {
    Pending<absl::StatusOr<SessionInfo>> info;
    manager_->Fork({"bench", id}, std::make_shared<Cursor>(), std::nullopt,
                   fork, info.Setter());
    info.Get().value();
  }
  // Each session applies `segments`, one after another, all at once. The time
  // from each message to its answer.
  std::vector<absl::Duration> ApplyAll(int sessions, int segments) {
    struct Loop {
      Stack* stack;
      std::string id;
      int left;
      absl::Duration sent;
      std::vector<absl::Duration> times;
      Pending<bool> done;
      void Next() {
        if (left-- == 0) return done.Setter()(true);
        sent = Clock::Real()->Monotonic();
        stack->Apply(id, [this](const absl::StatusOr<SegmentReply>& reply) {
          reply.value();
          times.push_back(Clock::Real()->Monotonic() - sent);
          Next();
        });
      }
    };
    std::vector<std::unique_ptr<Loop>> loops;
    for (int i = 0; i < sessions; ++i) {
      loops.push_back(std::make_unique<Loop>());
      loops.back()->stack = this;
      loops.back()->id = absl::StrCat("s", i);
      loops.back()->left = segments;
    }
    for (const auto& loop : loops) loop->Next();
    std::vector<absl::Duration> times;
    for (const auto& loop : loops) {
      loop->done.Get();
      times.insert(times.end(), loop->times.begin(), loop->times.end());
    }
    return times;
  }

 private:
  SessionContext Context() {
    SessionContext context;
    context.clock = Clock::Real();
    context.scheduler = &scheduler_;
    context.writer = &writer_;
    context.observer = &observer_;
    context.tiers = &tiers_;
    return context;
  }

  const Durability durability_;
  FakeModel model_{kSegment};
  NoObserver observer_;
  const std::unique_ptr<MemoryStore> store_;
  MemoryTiers tiers_;
  Scheduler scheduler_;
  StoreWriter writer_;
  std::optional<SessionManager> manager_;
};

}  // namespace mneme

#endif  // MNEME_TESTS_BENCH_SESSION_STACK_H_
