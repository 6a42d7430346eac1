#include "server/observe/metrics.h"

#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/metric_family.h>

#include <iterator>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace mneme {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;
using prometheus::Histogram;
using prometheus::MetricFamily;
using prometheus::MetricType;
using prometheus::Registry;

// 20 us to 20 s.
Histogram::BucketBoundaries SecondBuckets() {
  return {2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2,
          5e-2, 1e-1, 2e-1, 5e-1, 1,    2,    5,    10,   20};
}

Histogram::BucketBoundaries RowBuckets() {
  return {1, 2, 4, 8, 16, 32, 64, 128, 256, 512};
}

prometheus::Counter& MakeCounter(Registry& registry, const std::string& name,
                                 const std::string& help) {
  return BuildCounter().Name(name).Help(help).Register(registry).Add({});
}

Histogram& MakeHistogram(Registry& registry, const std::string& name,
                         const std::string& help,
                         const Histogram::BucketBoundaries& buckets) {
  return BuildHistogram().Name(name).Help(help).Register(registry).Add({},
                                                                       buckets);
}

MetricFamily Level(const char* name, const char* help, MetricType type,
                   double value) {
  MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  family.metric.emplace_back();
  family.metric.back().gauge.value = value;
  family.metric.back().counter.value = value;
  return family;
}

void AppendStore(const StoreWriterStats& store,
                 std::vector<MetricFamily>* out) {
  const auto add = [out](const char* name, const char* help, MetricType type,
                         double value) {
    out->push_back(Level(name, help, type, value));
  };
  const auto counter = MetricType::Counter;
  const auto count = [](int64_t value) { return static_cast<double>(value); };
  add("mneme_store_commit_groups_total",
      "Writes of the store: one, and at most one sync, for each group of "
      "commits",
      counter, count(store.groups));
  add("mneme_store_sync_groups_total", "Of these, with a sync", counter,
      count(store.sync_groups));
  add("mneme_store_commits_total", "Commits in the groups", counter,
      count(store.commits));
  add("mneme_store_failed_commits_total", "Of these, not acknowledged", counter,
      count(store.failed_commits));
  add("mneme_store_written_bytes_total", "Records and objects in the commits",
      counter, count(store.bytes));
  add("mneme_store_reads_total", "Objects read", counter, count(store.reads));
  add("mneme_store_read_groups_total",
      "Reads of the store: one for all memories that wait to be restored",
      counter, count(store.read_groups));
  add("mneme_store_read_bytes_total", "Bytes of the objects read", counter,
      count(store.read_bytes));
  add("mneme_store_read_seconds_total", "Time in the store's reads", counter,
      absl::ToDoubleSeconds(store.read_time));
  add("mneme_store_removes_total", "Sessions removed", counter,
      count(store.removes));
  add("mneme_store_apply_seconds_total", "Time in the store's writes", counter,
      absl::ToDoubleSeconds(store.apply_time));
  add("mneme_store_sync_seconds_total", "Of this, in writes with a sync",
      counter, absl::ToDoubleSeconds(store.sync_time));
  add("mneme_store_queued", "Operations waiting for the store",
      MetricType::Gauge, count(store.queued));
  add("mneme_store_up",
      "0 while the store fails: from a write that failed to a probe that works",
      MetricType::Gauge, store.up ? 1 : 0);
}

void AppendAsync(const ServerLevels& levels, std::vector<MetricFamily>* out) {
  out->push_back(Level("mneme_store_unsynced_seconds",
                       "Age of the oldest acknowledged commit that is not on "
                       "disk; 0: there is none",
                       MetricType::Gauge,
                       absl::ToDoubleSeconds(levels.unsynced)));
  out->push_back(Level("mneme_store_async_window_seconds",
                       "What that age is kept to (--async-window)",
                       MetricType::Gauge,
                       absl::ToDoubleSeconds(levels.async_window)));
}

MetricFamily RpcFamily(const std::vector<RpcCounts::Count>& counts) {
  MetricFamily family;
  family.name = "mneme_rpcs_total";
  family.help = "RPCs that ended, by their method and status";
  family.type = MetricType::Counter;
  for (const RpcCounts::Count& count : counts) {
    auto& metric = family.metric.emplace_back();
    metric.label = {{"method", count.method},
                    {"code", absl::StatusCodeToString(count.code)}};
    metric.counter.value = static_cast<double>(count.calls);
  }
  return family;
}

// A family with one counter or gauge for each tier or place.
MetricFamily ByLabel(
    const char* name, const char* help, MetricType type, const char* label,
    const std::vector<std::pair<const char*, int64_t>>& values) {
  MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  for (const auto& [label_value, value] : values) {
    prometheus::ClientMetric& metric = family.metric.emplace_back();
    metric.label.push_back({label, label_value});
    const auto number = static_cast<double>(value);
    metric.gauge.value = number;
    metric.counter.value = number;
  }
  return family;
}

void AppendTiers(const MemoryTiers::Stats& tiers,
                 std::vector<MetricFamily>* out) {
  out->push_back(ByLabel(
      "mneme_memory_values", "Sessions' newest memory values at hand, by tier",
      MetricType::Gauge, "tier",
      {{"device", tiers.device.values}, {"host", tiers.host.values}}));
  out->push_back(
      ByLabel("mneme_memory_bytes", "Their bytes", MetricType::Gauge, "tier",
              {{"device", tiers.device.bytes}, {"host", tiers.host.bytes}}));
  out->push_back(ByLabel(
      "mneme_memory_spilled_total",
      "Values let go to keep to the limit, by tier", MetricType::Counter,
      "tier",
      {{"device", tiers.device.spilled}, {"host", tiers.host.spilled}}));
  out->push_back(ByLabel("mneme_memory_used_total",
                         "Values that a step began with or was taken from, "
                         "by where they were",
                         MetricType::Counter, "from",
                         {{"device", tiers.used_from_device},
                          {"host", tiers.restored_from_host},
                          {"store", tiers.restored_from_store}}));
}

void AppendLevels(const ServerLevels& levels, std::vector<MetricFamily>* out) {
  const auto gauge = [out](const char* name, const char* help, int64_t value) {
    out->push_back(
        Level(name, help, MetricType::Gauge, static_cast<double>(value)));
  };
  gauge("mneme_sessions", "Sessions, those that are being opened or closed too",
        levels.sessions);
  gauge("mneme_pending_requests", "Messages accepted and not answered",
        levels.pending_requests);
  gauge("mneme_waiting_segments", "Segments that wait for the device",
        levels.waiting_segments);
  gauge("mneme_prefix_entries",
        "Applied segments that are remembered so that other sessions take them",
        levels.prefix_entries);
  gauge("mneme_calls", "RPCs that are open", levels.calls);
  gauge("mneme_streams", "Of these, streams of segments", levels.streams);
  gauge("mneme_queue_bytes",
        "Bytes of messages and of the replies they may get, from read to "
        "written",
        levels.queue_bytes);
  gauge("mneme_draining", "1 while the server shuts down", levels.draining);
  out->push_back(Level("mneme_stream_messages_total",
                       "Messages read from streams", MetricType::Counter,
                       static_cast<double>(levels.stream_messages)));
  out->push_back(Level("mneme_stream_replies_total",
                       "Replies written to streams", MetricType::Counter,
                       static_cast<double>(levels.stream_replies)));
  out->push_back(RpcFamily(levels.rpcs));
  AppendStore(levels.store, out);
  AppendAsync(levels, out);
  AppendTiers(levels.tiers, out);
}

}  // namespace

Metrics::Metrics(absl::string_view version)
    : request_seconds_(MakeHistogram(
          registry_, "mneme_request_duration_seconds",
          "From a message's arrival to its reply; errors are not in it",
          SecondBuckets())),
      ended_(BuildCounter()
                 .Name("mneme_sessions_ended_total")
                 .Help("Sessions that ended by themselves, by why")
                 .Register(registry_)),
      taken_over_(MakeCounter(registry_, "mneme_sessions_taken_over_total",
                              "Sessions that another server had, and that "
                              "calls waited for and got")),
      not_taken_over_(MakeCounter(
          registry_, "mneme_sessions_not_taken_over_total",
          "Sessions that calls waited for in vain: NOT_OWNER, or an error")),
      released_(MakeCounter(registry_, "mneme_sessions_released_total",
                            "Sessions given to another server that asked")),
      tokens_(MakeCounter(registry_, "mneme_tokens_total",
                          "Tokens in the segments that were applied")),
      queue_seconds_(
          MakeHistogram(registry_, "mneme_queue_seconds",
                        "A segment's wait from when it could run, the one "
                        "before it committed, to its batch",
                        SecondBuckets())),
      commit_seconds_(MakeHistogram(
          registry_, "mneme_commit_seconds",
          "From a segment's step to its commit at the asked durability",
          SecondBuckets())),
      batches_(MakeCounter(registry_, "mneme_batches_total",
                           "Batches that ran on the device")),
      batch_tokens_(MakeCounter(registry_, "mneme_batch_tokens_total",
                                "Tokens in the batches, repeated steps too")),
      batch_rows_(MakeHistogram(registry_, "mneme_batch_rows",
                                "Sessions in a batch", RowBuckets())),
      step_seconds_(MakeHistogram(registry_, "mneme_step_seconds",
                                  "A batch's time on the device",
                                  SecondBuckets())) {
  auto& requests = BuildCounter()
                       .Name("mneme_requests_total")
                       .Help("Messages answered, by the status they got")
                       .Register(registry_);
  for (size_t code = 0; code < kCodes; ++code) {
    requests_[code] = &requests.Add(
        {{"code",
          absl::StatusCodeToString(static_cast<absl::StatusCode>(code))}});
  }
  auto& segments = BuildCounter()
                       .Name("mneme_segments_total")
                       .Help("Segments answered, by where the answer came from")
                       .Register(registry_);
  segments_[0] = &segments.Add({{"source", "computed"}});
  segments_[1] = &segments.Add({{"source", "kept"}});
  segments_[2] = &segments.Add({{"source", "recomputed"}});
  segments_[3] = &segments.Add({{"source", "shared"}});
  BuildGauge()
      .Name("mneme_build_info")
      .Help("1; the version is in the label")
      .Register(registry_)
      .Add({{"version", std::string(version)}})
      .Set(1);
}

void Metrics::AddModel(const ModelSpec& spec) {
  BuildGauge()
      .Name("mneme_model_info")
      .Help("1 for each model served; what it is, is in the labels")
      .Register(registry_)
      .Add({{"model", spec.name},
            {"version", absl::StrCat(spec.version)},
            {"architecture", spec.architecture},
            {"numeric_mode", spec.numeric_mode},
            {"fingerprint", absl::BytesToHexString(AsBytes(spec.fingerprint))}})
      .Set(1);
}

void Metrics::SetLevels(std::function<ServerLevels()> levels) {
  levels_ = std::move(levels);
}

void Metrics::OnSegment(absl::string_view, const AppliedSegment& segment) {
  segments_[static_cast<size_t>(segment.source) - 1]->Increment();
  const bool computed = segment.source == SegmentSource::kComputed;
  if (!computed && segment.source != SegmentSource::kShared) return;
  tokens_.Increment(segment.num_tokens);
  if (computed) {
    queue_seconds_.Observe(absl::ToDoubleSeconds(segment.timings.queue));
  }
  commit_seconds_.Observe(absl::ToDoubleSeconds(segment.timings.commit));
}

void Metrics::OnTakeover(const absl::Status& status) {
  (status.ok() ? taken_over_ : not_taken_over_).Increment();
}

void Metrics::OnReleased() { released_.Increment(); }

void Metrics::OnSessionEnd(EndReason reason) {
  ended_.Add({{"reason", std::string(EndReasonName(reason))}}).Increment();
}

void Metrics::OnRequest(const absl::Status& status, absl::Duration latency) {
  requests_[static_cast<size_t>(status.code())]->Increment();
  // An error's time says how early it was seen, not how long an answer takes.
  if (status.ok()) request_seconds_.Observe(absl::ToDoubleSeconds(latency));
}

void Metrics::OnBatch(const ModelSpec&, int64_t rows, int64_t tokens,
                      absl::Duration device) {
  batches_.Increment();
  batch_tokens_.Increment(static_cast<double>(tokens));
  batch_rows_.Observe(static_cast<double>(rows));
  step_seconds_.Observe(absl::ToDoubleSeconds(device));
}

std::vector<MetricFamily> Metrics::Collect() const {
  std::vector<MetricFamily> families = registry_.Collect();
  if (levels_) AppendLevels(levels_(), &families);
  return families;
}

}  // namespace mneme
