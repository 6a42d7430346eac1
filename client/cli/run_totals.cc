#include "client/cli/run_totals.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/text_table.h"

namespace mneme::cli {
namespace {

constexpr double kLn2 = 0.69314718055994530942;

}  // namespace

void RunTotals::Add(const client::SegmentResult& segment) {
  ++segments;
  tokens += segment.num_tokens;
  if (segment.source == client::ResultSource::kKept) ++kept;
  if (segment.source == client::ResultSource::kRecomputed) ++recomputed;
  if (segment.source == client::ResultSource::kShared) ++shared;
  reply_times.Add(segment.reply_time);
  if (segment.batch_size > 0) {
    batch_sizes += segment.batch_size;
    ++computed;
  }
  const client::OutputTensor* log_probs = segment.Find("log_probs");
  if (log_probs == nullptr) return;
  for (float log_prob : log_probs->AsFloats()) {
    if (std::isnan(log_prob)) continue;
    nats -= log_prob;
    ++scored_tokens;
  }
}

absl::optional<double> RunTotals::BitsPerByte() const {
  if (scored_tokens == 0) return absl::nullopt;
  return nats / kLn2 / static_cast<double>(scored_tokens);
}

double RunTotals::TokensPerSecond() const {
  double seconds = absl::ToDoubleSeconds(elapsed);
  return seconds > 0 ? static_cast<double>(tokens) / seconds : 0;
}

double RunTotals::MeanBatchSize() const {
  if (computed == 0) return 0;
  return static_cast<double>(batch_sizes) / static_cast<double>(computed);
}

std::string RunTotals::Table() const {
  auto bits = BitsPerByte();
  TextTable table({});
  table.AddRow({"model", model});
  table.AddRow({"sessions", WithCommas(sessions)});
  table.AddRow({"segments", WithCommas(segments)});
  table.AddRow({"tokens", WithCommas(tokens)});
  table.AddRow(
      {"tokens/s", WithCommas(static_cast<uint64_t>(TokensPerSecond()))});
  table.AddRow(
      {"bits per byte", bits ? absl::StrFormat("%.4f", *bits) : "not scored"});
  table.AddRow({"reply p50", HumanMicros(reply_times.PercentileMicros(0.5))});
  table.AddRow({"reply p99", HumanMicros(reply_times.PercentileMicros(0.99))});
  table.AddRow({"mean batch", absl::StrFormat("%.1f", MeanBatchSize())});
  table.AddRow(
      {"memory a session", absl::StrCat(WithCommas(memory_bytes), " bytes")});
  if (kept > 0) table.AddRow({"kept", WithCommas(kept)});
  if (recomputed > 0) table.AddRow({"recomputed", WithCommas(recomputed)});
  if (shared > 0) table.AddRow({"shared", WithCommas(shared)});
  if (retries > 0) table.AddRow({"retries", WithCommas(retries)});
  if (errors > 0) table.AddRow({"errors", WithCommas(errors)});
  return table.Format();
}

std::string RunTotals::Json() const {
  auto bits = BitsPerByte();
  nlohmann::ordered_json json;
  json["model"] = model;
  json["sessions"] = sessions;
  json["segments"] = segments;
  json["tokens"] = tokens;
  json["seconds"] = absl::ToDoubleSeconds(elapsed);
  json["tokens_per_second"] = TokensPerSecond();
  json["bits_per_byte"] = bits ? nlohmann::ordered_json(*bits) : nullptr;
  json["p50_us"] = reply_times.PercentileMicros(0.5);
  json["p99_us"] = reply_times.PercentileMicros(0.99);
  json["mean_batch"] = MeanBatchSize();
  json["memory_bytes"] = memory_bytes;
  json["kept"] = kept;
  json["recomputed"] = recomputed;
  json["shared"] = shared;
  json["retries"] = retries;
  json["errors"] = errors;
  return json.dump(-1, ' ', false,
                   nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace mneme::cli
