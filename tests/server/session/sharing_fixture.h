#ifndef MNEME_TESTS_SERVER_SESSION_SHARING_FIXTURE_H_
#define MNEME_TESTS_SERVER_SESSION_SHARING_FIXTURE_H_

#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "tests/server/session/session_fixture.h"

namespace mneme {

// Sessions that share steps; with room in the index and long retention.
class SharingFixture : public SessionFixture {
 protected:
  using Answer = absl::StatusOr<SegmentReply>;
  using Sources = std::vector<SegmentSource>;

  static constexpr SegmentSource kComputed = SegmentSource::kComputed;
  static constexpr SegmentSource kShared = SegmentSource::kShared;

  SharingFixture() {
    prefix_entries_ = 1000;
    limits_.retention = {100, 100};
    Restart();
  }

  // Applies Range(first, size) at the head of the session.
  Answer Apply(const SessionKey& key, int32_t first, int32_t size,
               std::vector<std::string> outputs = {"sum"}) {
    Reply reply;
    manager_->Process(
        key, std::make_shared<Cursor>(),
        Request(manager_->Get(key)->head, Range(first, size), outputs),
        reply.Setter());
    return reply.Get();
  }
  Answer Apply(const std::string& id, int32_t first, int32_t size,
               std::vector<std::string> outputs = {"sum"}) {
    return Apply(Key(id), first, size, std::move(outputs));
  }

  absl::StatusOr<SessionInfo> OpenOn(const SessionKey& key,
                                     const std::string& model) {
    Pending<absl::StatusOr<SessionInfo>> info;
    manager_->Open(key, {.model = model}, info.Setter());
    return info.Get();
  }

  absl::StatusOr<SessionInfo> Fork(const std::string& id,
                                   const std::string& fork) {
    Pending<absl::StatusOr<SessionInfo>> info;
    manager_->Fork(Key(id), std::make_shared<Cursor>(), std::nullopt, fork,
                   info.Setter());
    return info.Get();
  }

  absl::StatusOr<SessionInfo> Rollback(const std::string& id, uint64_t step) {
    const SessionInfo session = *manager_->Get(Key(id));
    for (const MemoryHandle& to : session.retained) {
      if (to.step != step) continue;
      Pending<absl::StatusOr<SessionInfo>> info;
      manager_->Rollback(Key(id), std::make_shared<Cursor>(), to, std::nullopt,
                         info.Setter());
      return info.Get();
    }
    return absl::NotFoundError("not retained");
  }

  static Sources SourcesOf(const Answer& answer) {
    Sources sources;
    for (const AppliedSegment& segment : answer->segments) {
      sources.push_back(segment.source);
    }
    return sources;
  }

  // Of the model, so far.
  int64_t steps() const {
    const std::vector<int64_t> rows = model_.batches();
    return std::accumulate(rows.begin(), rows.end(), int64_t{0});
  }
};

}  // namespace mneme

#endif  // MNEME_TESTS_SERVER_SESSION_SHARING_FIXTURE_H_
