#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "client/cli/bench/bench_report.h"

namespace mneme::cli {
namespace {

using Json = nlohmann::ordered_json;

Json TimesJson(const LatencyHistogram& times) {
  Json json;
  json["count"] = times.count();
  json["mean"] = times.MeanMicros();
  json["p50"] = times.PercentileMicros(0.5);
  json["p90"] = times.PercentileMicros(0.9);
  json["p99"] = times.PercentileMicros(0.99);
  json["p99_9"] = times.PercentileMicros(0.999);
  json["max"] = times.MaxMicros();
  return json;
}

Json ModelJson(const client::ModelInfo& model) {
  Json json;
  json["name"] = model.name;
  json["version"] = model.version;
  json["architecture"] = model.architecture;
  json["fingerprint"] = absl::BytesToHexString(model.fingerprint);
  json["numeric_mode"] = model.numeric_mode;
  json["device"] = model.device;
  json["segment_size"] = model.segment_size;
  json["memory_bytes"] = model.memory_bytes;
  return json;
}

Json LoadJson(const BenchLoad& load, const BenchArguments& arguments) {
  Json json;
  json["loop"] = load.open_loop() ? "open" : "closed";
  json["sessions"] = load.sessions;
  json["rate"] = load.open_loop() ? Json(load.rate) : Json(nullptr);
  if (load.open_loop()) {
    json["arrivals"] =
        arguments.arrivals == ArrivalProcess::kPoisson ? "poisson" : "constant";
  }
  return json;
}

Json SettingsJson(const BenchArguments& arguments, const BenchPlan& plan) {
  Json json;
  json["in_flight"] = arguments.in_flight;
  json["rpc"] = arguments.unary ? "process" : "stream";
  json["segment_tokens"] = plan.mix.ToString();
  json["session_segments"] = arguments.session_segments;
  json["tokens"] = arguments.tokens;
  json["outputs"] = plan.outputs.names;
  json["top_k"] = plan.outputs.top_k;
  json["all_positions"] = !plan.outputs.last_position_only;
  json["durability"] = std::string(ToString(arguments.durability));
  json["warmup_seconds"] = absl::ToDoubleSeconds(arguments.warmup);
  json["duration_seconds"] =
      arguments.segments > 0 ? Json(nullptr)
                             : Json(absl::ToDoubleSeconds(arguments.duration));
  json["segments"] =
      arguments.segments > 0 ? Json(arguments.segments) : Json(nullptr);
  json["retry_for_seconds"] = absl::ToDoubleSeconds(arguments.retry_for);
  json["seed"] = plan.seed;
  return json;
}

void AddTotals(const LineTotals& totals, Json& json) {
  json["seconds"] = absl::ToDoubleSeconds(totals.elapsed());
  json["segments"] = totals.segments;
  json["tokens"] = totals.tokens;
  json["segments_per_second"] = totals.SegmentsPerSecond();
  json["tokens_per_second"] = totals.TokensPerSecond();
  json["latency_us"] = TimesJson(totals.latency);
  json["service_us"] = TimesJson(totals.service);
  json["mean_batch"] = totals.MeanBatchSize();
  json["server_us"] = {{"queue", TimesJson(totals.queue)},
                       {"device", TimesJson(totals.device)},
                       {"commit", TimesJson(totals.commit)}};
  json["kept"] = totals.kept;
  json["recomputed"] = totals.recomputed;
  json["shared"] = totals.shared;
  json["unanswered"] = totals.unanswered;
  json["errors"] = Json::object();
  for (const auto& [code, count] : totals.errors) {
    json["errors"][absl::StatusCodeToString(code)] = count;
  }
  json["retries"] = totals.retries;
  json["sessions_reopened"] = totals.sessions_reopened;
}

}  // namespace

std::string BenchJson(const BenchResult& result,
                      const BenchArguments& arguments, const BenchPlan& plan,
                      const HostInfo& host) {
  Json json;
  json["load"] = LoadJson(result.load, arguments);
  AddTotals(result.totals, json);
  json["client_cpu_seconds"] = absl::ToDoubleSeconds(result.cpu_time);
  json["client_cpu_us_per_segment"] = result.CpuMicrosPerSegment();
  json["client_lag_us"] = TimesJson(result.totals.lag);
  json["settings"] = SettingsJson(arguments, plan);
  json["model"] = ModelJson(plan.model);
  json["server"] = arguments.common.server;
  json["client_version"] = MNEME_VERSION;
  json["host"] = {{"name", host.name}, {"cpu", host.cpu}, {"cpus", host.cpus}};
  json["date"] =
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", result.time, absl::UTCTimeZone());
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace mneme::cli
