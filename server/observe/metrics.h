#ifndef MNEME_SERVER_OBSERVE_METRICS_H_
#define MNEME_SERVER_OBSERVE_METRICS_H_

#include <prometheus/collectable.h>
#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "model/sequence_model.h"
#include "server/observe/rpc_counts.h"
#include "server/schedule/scheduler.h"
#include "server/session/memory_tiers.h"
#include "server/session/session_observer.h"
#include "server/store/store_writer.h"

namespace mneme {

// What the server holds at one moment; read when the metrics are scraped.
struct ServerLevels {
  int64_t sessions = 0;
  int64_t pending_requests = 0;
  int64_t waiting_segments = 0;
  int64_t calls = 0;            // RPCs of mneme.v1 that are open
  int64_t streams = 0;          // of these, Segments.Stream
  int64_t stream_messages = 0;  // read from streams since the start
  int64_t stream_replies = 0;   // written to streams since the start
  bool draining = false;
  int64_t queue_bytes = 0;  // of messages between read and their reply's write
  std::vector<RpcCounts::Count> rpcs;
  StoreWriterStats store;
  absl::Duration unsynced;  // age of the store's oldest commit not on disk
  absl::Duration async_window;
  MemoryTiers::Stats tiers;
  int64_t prefix_entries = 0;
};

// Every metric of the server: all families are named in metrics.cc. Owns the
// Prometheus registry. The observers' methods count; what is a level or is
// counted elsewhere (the store writer's numbers) is asked for at each scrape.
//
// Thread-safe and never blocks for long, once set up: AddModel and SetLevels
// are called before anything is observed. Labels are closed sets (method, code,
// source, model): never a session or a tenant.
class Metrics : public SessionObserver,
                public BatchObserver,
                public prometheus::Collectable {
 public:
  explicit Metrics(absl::string_view version);

  void AddModel(const ModelSpec& spec);
  // `levels` is called from scraping threads; what it reads outlives them.
  void SetLevels(std::function<ServerLevels()> levels);

  void OnSegment(absl::string_view model,
                 const AppliedSegment& segment) override;
  void OnSessionEnd(EndReason reason) override;
  void OnTakeover(const absl::Status& status) override;
  void OnReleased() override;
  void OnRequest(const absl::Status& status, absl::Duration latency) override;
  void OnBatch(const ModelSpec& model, int64_t rows, int64_t tokens,
               absl::Duration device) override;

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  static constexpr size_t kCodes = 17;  // absl::StatusCode's, OK first

  prometheus::Registry registry_;
  std::function<ServerLevels()> levels_;

  std::array<prometheus::Counter*, kCodes> requests_;
  prometheus::Histogram& request_seconds_;
  std::array<prometheus::Counter*, 4> segments_;  // by SegmentSource, from 1
  prometheus::Family<prometheus::Counter>& ended_;
  prometheus::Counter& taken_over_;
  prometheus::Counter& not_taken_over_;
  prometheus::Counter& released_;
  prometheus::Counter& tokens_;
  prometheus::Histogram& queue_seconds_;
  prometheus::Histogram& commit_seconds_;
  prometheus::Counter& batches_;
  prometheus::Counter& batch_tokens_;
  prometheus::Histogram& batch_rows_;
  prometheus::Histogram& step_seconds_;
};

}  // namespace mneme

#endif  // MNEME_SERVER_OBSERVE_METRICS_H_
