#include "server/observe/metrics.h"

#include <prometheus/metric_family.h>

#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mneme {
namespace {

using ::testing::EndsWith;
using ::testing::Not;
using ::testing::StartsWith;

const prometheus::ClientMetric* Find(
    const std::vector<prometheus::MetricFamily>& families,
    const std::string& name, const std::string& label = "") {
  for (const auto& family : families) {
    if (family.name != name) continue;
    for (const auto& metric : family.metric) {
      if (label.empty() || metric.label[0].value == label) return &metric;
    }
  }
  ADD_FAILURE() << "no metric " << name << " " << label;
  static const prometheus::ClientMetric none;
  return &none;
}

AppliedSegment Segment(SegmentSource source) {
  AppliedSegment segment;
  segment.num_tokens = 8;
  segment.source = source;
  segment.timings = {absl::Milliseconds(1), absl::Milliseconds(2),
                     absl::Milliseconds(4)};
  return segment;
}

TEST(MetricsTest, CountsRequestsByCode) {
  Metrics metrics("1.2.3");
  metrics.OnRequest(absl::OkStatus(), absl::Milliseconds(3));
  metrics.OnRequest(absl::AbortedError("x"), absl::Milliseconds(5));
  metrics.OnRequest(absl::UnauthenticatedError("x"), absl::ZeroDuration());
  const auto families = metrics.Collect();
  for (const char* code : {"OK", "ABORTED", "UNAUTHENTICATED"}) {
    EXPECT_EQ(Find(families, "mneme_requests_total", code)->counter.value, 1);
  }
  EXPECT_EQ(Find(families, "mneme_requests_total", "INTERNAL")->counter.value,
            0);
  const auto& seconds =
      Find(families, "mneme_request_duration_seconds")->histogram;
  EXPECT_EQ(seconds.sample_count, 1) << "of answers, not of errors";
  EXPECT_NEAR(seconds.sample_sum, 0.003, 1e-9);
}

TEST(MetricsTest, OnlyNewSegmentsCountTokensAndTimes) {
  Metrics metrics("1.2.3");
  metrics.OnSegment("m", Segment(SegmentSource::kComputed));
  metrics.OnSegment("m", Segment(SegmentSource::kKept));
  metrics.OnSegment("m", Segment(SegmentSource::kRecomputed));
  metrics.OnSegment("m", Segment(SegmentSource::kShared));
  const auto families = metrics.Collect();
  for (const char* source : {"computed", "kept", "recomputed", "shared"}) {
    EXPECT_EQ(Find(families, "mneme_segments_total", source)->counter.value, 1);
  }
  EXPECT_EQ(Find(families, "mneme_tokens_total")->counter.value, 16);
  EXPECT_NEAR(Find(families, "mneme_queue_seconds")->histogram.sample_sum,
              0.001, 1e-9)
      << "a shared one waits for no batch";
  EXPECT_NEAR(Find(families, "mneme_commit_seconds")->histogram.sample_sum,
              0.008, 1e-9);
}

TEST(MetricsTest, RowsOfABatchFallIntoTheirBucket) {
  Metrics metrics("1.2.3");
  metrics.OnBatch(ModelSpec(), 3, 24, absl::Milliseconds(2));
  metrics.OnBatch(ModelSpec(), 1, 8, absl::Milliseconds(1));
  const auto families = metrics.Collect();
  const auto& rows = Find(families, "mneme_batch_rows")->histogram;
  EXPECT_EQ(rows.sample_count, 2);
  EXPECT_EQ(rows.sample_sum, 4);
  EXPECT_EQ(rows.bucket[0].cumulative_count, 1);
  EXPECT_EQ(rows.bucket[1].cumulative_count, 1);
  EXPECT_EQ(rows.bucket[2].cumulative_count, 2);
  EXPECT_EQ(Find(families, "mneme_batches_total")->counter.value, 2);
  EXPECT_EQ(Find(families, "mneme_batch_tokens_total")->counter.value, 32);
  EXPECT_NEAR(Find(families, "mneme_step_seconds")->histogram.sample_sum, 0.003,
              1e-9);
}

TEST(MetricsTest, LevelsAreReadAtEachScrape) {
  Metrics metrics("1.2.3");
  ServerLevels levels;
  metrics.SetLevels([&levels] { return levels; });
  levels.sessions = 7;
  levels.draining = true;
  levels.queue_bytes = 99;
  levels.prefix_entries = 42;
  levels.rpcs = {{"Models.Get", absl::StatusCode::kNotFound, 3}};
  levels.store.commits = 12;
  levels.store.apply_time = absl::Milliseconds(250);
  levels.store.up = false;
  levels.unsynced = absl::Milliseconds(750);
  levels.async_window = absl::Milliseconds(500);
  const auto families = metrics.Collect();
  EXPECT_EQ(Find(families, "mneme_sessions")->gauge.value, 7);
  EXPECT_EQ(Find(families, "mneme_draining")->gauge.value, 1);
  EXPECT_EQ(Find(families, "mneme_queue_bytes")->gauge.value, 99);
  EXPECT_EQ(Find(families, "mneme_prefix_entries")->gauge.value, 42);
  const auto* rpcs = Find(families, "mneme_rpcs_total", "Models.Get");
  EXPECT_EQ(rpcs->label[1].value, "NOT_FOUND");
  EXPECT_EQ(rpcs->counter.value, 3);
  EXPECT_EQ(Find(families, "mneme_store_commits_total")->counter.value, 12);
  EXPECT_EQ(Find(families, "mneme_store_apply_seconds_total")->counter.value,
            0.25);
  EXPECT_EQ(Find(families, "mneme_store_up")->gauge.value, 0);
  EXPECT_EQ(Find(families, "mneme_store_unsynced_seconds")->gauge.value, 0.75);
  EXPECT_EQ(Find(families, "mneme_store_async_window_seconds")->gauge.value,
            0.5);
  levels.sessions = 8;
  levels.store.up = true;
  EXPECT_EQ(Find(metrics.Collect(), "mneme_sessions")->gauge.value, 8);
  EXPECT_EQ(Find(metrics.Collect(), "mneme_store_up")->gauge.value, 1);
}

TEST(MetricsTest, SaysWhatIsServed) {
  Metrics metrics("1.2.3");
  ModelSpec spec;
  spec.name = "wiki";
  spec.fingerprint.fill(0xab);
  metrics.AddModel(spec);
  const auto families = metrics.Collect();
  EXPECT_EQ(Find(families, "mneme_build_info", "1.2.3")->gauge.value, 1);
  std::set<std::string> values;
  for (const auto& label : Find(families, "mneme_model_info")->label) {
    values.insert(label.value);
  }
  EXPECT_THAT(values, ::testing::Contains("wiki"));
  EXPECT_THAT(values, ::testing::Contains(StartsWith("abababab")));
}

TEST(MetricsTest, NamesFollowTheConvention) {
  Metrics metrics("1.2.3");
  metrics.SetLevels([] { return ServerLevels(); });
  std::set<std::string> names;
  for (const auto& family : metrics.Collect()) {
    EXPECT_THAT(family.name, StartsWith("mneme_"));
    EXPECT_NE(family.help, "") << family.name;
    EXPECT_TRUE(names.insert(family.name).second) << family.name << " twice";
    if (family.type == prometheus::MetricType::Counter) {
      EXPECT_THAT(family.name, EndsWith("_total"));
    } else {
      EXPECT_THAT(family.name, Not(EndsWith("_total")));
    }
  }
}

}  // namespace
}  // namespace mneme
