#include "client/cli/bench/bench_arguments.h"

#include <cmath>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "client/cli/bench/segment_mix.h"
#include "client/cli/common_options.h"

namespace mneme::cli {
namespace {

// A server with its defaults can answer so many messages again if their
// replies are lost (--retain-messages).
constexpr int kLargestInFlight = 8;
constexpr int kMostSessions = 1000000;

constexpr char kBenchHelp[] =
    "Measures a running server, and prints a table or, with --json, one\n"
    "JSON object for each measured line.\n"
    "  Closed loop (--sessions, --ramp): each session sends its next\n"
    "segment when one was answered. Open loop (--rate, --rates): segments\n"
    "are due by a random process, whatever the server does. A segment's\n"
    "latency counts from when it was due, also while its session is busy\n"
    "with the one before: a server that stalls is charged for all that\n"
    "would have come. SERVICE counts from when it was sent.\n"
    "  Each line opens its sessions anew (their ids begin with bench-),\n"
    "warms up, measures, waits up to 10 s for what is under way, and closes\n"
    "and erases them; those that it left before are only closed. What was\n"
    "due in the measured time and is never answered counts as unanswered,\n"
    "with the time it had waited. A session that fails is counted, and\n"
    "replaced after 100 ms. Random tokens differ between sessions, so that\n"
    "the server has no prefix to share.\n"
    "  Against a model of the architecture null it measures the server\n"
    "alone. CLIENT is the CPU time that this program itself took for a\n"
    "segment, LAG how late it was in an open loop.";

// Options as they are written, checked and not yet understood.
struct BenchTexts {
  BenchArguments arguments;
  uint64_t sessions = 1;
  std::vector<uint64_t> ramp;
  double rate = 0;
  std::string mix;
  std::string arrivals = "poisson";
  std::string rpc = "stream";
  std::string durability;
  std::string warmup = "1s";
  std::string duration = "10s";
  std::string retry_for = "30s";
};

std::string CheckMix(const std::string& text) {
  return std::string(SegmentMix::Parse(text).status().message());
}

std::string CheckRate(const std::string& text) {
  double rate = 0;
  if (CLI::detail::lexical_cast(text, rate) && rate > 0 &&
      std::isfinite(rate)) {
    return "";
  }
  return "expected segments a second, above 0, got '" + text + "'";
}

void AddLoad(CLI::App* app, BenchTexts& text) {
  CLI::Option* sessions =
      app->add_option("--sessions", text.sessions, "How many sessions at once")
          ->check(CLI::Range(1, kMostSessions))
          ->type_name("N")
          ->capture_default_str();
  CLI::Option* ramp =
      app->add_option("--ramp", text.ramp,
                      "A line for each number of sessions, as 1,8,64")
          ->delimiter(',')
          ->allow_extra_args(false)
          ->check(CLI::Range(1, kMostSessions))
          ->type_name("N,...");
  CLI::Option* rate =
      app->add_option("--rate", text.rate,
                      "Open loop: so many segments a second, over all sessions")
          ->check(CheckRate)
          ->type_name("R");
  CLI::Option* rates = app->add_option("--rates", text.arguments.rates,
                                       "A line for each rate, as 100,200,400")
                           ->delimiter(',')
                           ->allow_extra_args(false)
                           ->check(CheckRate)
                           ->type_name("R,...");
  ramp->excludes(sessions)->excludes(rate)->excludes(rates);
  rate->excludes(rates);
  app->add_option("--arrivals", text.arrivals,
                  "Of an open loop: poisson (random sessions) or constant (the "
                  "sessions in turn)")
      ->check(CLI::IsMember({"poisson", "constant"}))
      ->type_name("PROCESS")
      ->capture_default_str();
}

void AddSegments(CLI::App* app, BenchTexts& text) {
  BenchArguments& bench = text.arguments;
  app->add_option("--in-flight", bench.in_flight,
                  "Segments that a session sends ahead of their replies; at "
                  "most the server's --retain-messages")
      ->check(CLI::Range(1, kLargestInFlight))
      ->type_name("N")
      ->capture_default_str();
  app->add_option("--segment-tokens", text.mix,
                  "Tokens of a segment, or a mix as 512:0.9,100:0.1; short "
                  "ones are flushed. Default the model's segment")
      ->check(CheckMix)
      ->type_name("MIX");
  app->add_option("--tokens", bench.tokens,
                  "random ids, or the bytes of FILE, over and over")
      ->type_name("random|FILE")
      ->capture_default_str();
  app->add_option("--rpc", text.rpc,
                  "stream, or process: a call for each segment")
      ->check(CLI::IsMember({"stream", "process"}))
      ->type_name("RPC")
      ->capture_default_str();
  app->add_option("--session-segments", bench.session_segments,
                  "A session is closed after so many segments, and another one "
                  "opened in its place; default never")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 62))
      ->type_name("N");
  app->add_option("--outputs", bench.outputs,
                  "What the model returns, separated by commas; default "
                  "argmax; none for nothing")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("NAMES");
  app->add_option("--top-k", bench.top_k, "How many, for the top_k outputs")
      ->check(CLI::Range(1, 1000000))
      ->type_name("K");
  app->add_flag("--all-positions", bench.all_positions,
                "Outputs of every token, not only of each segment's last");
}

void AddTime(CLI::App* app, BenchTexts& text) {
  const auto add = [app](const char* name, std::string& value,
                         const char* description) {
    return app->add_option(name, value, description)
        ->check(CheckDuration)
        ->type_name("TIME")
        ->capture_default_str();
  };
  add("--warmup", text.warmup, "Runs so long before it counts");
  CLI::Option* duration =
      add("--duration", text.duration, "Measures for so long");
  app->add_option("--segments", text.arguments.segments,
                  "Measures until so many were answered or failed, instead")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 62))
      ->type_name("N")
      ->excludes(duration);
  add("--retry-for", text.retry_for,
      "How long a session tries again after an error that may pass; retries "
      "are counted, and the time is the segment's");
  app->add_option("--seed", text.arguments.seed,
                  "Of the tokens, the mix and the arrivals; default drawn, and "
                  "in the JSON")
      ->check(CLI::Range(uint64_t{0}, uint64_t{1} << 62))
      ->type_name("N");
}

// What the texts mean; a ValidationError names the flag.
BenchArguments Understand(const BenchTexts& text) {
  BenchArguments bench = text.arguments;
  bench.sessions = text.ramp;
  if (text.ramp.empty()) bench.sessions = {text.sessions};
  if (text.rate > 0) bench.rates = {text.rate};
  if (!text.mix.empty()) bench.mix = *SegmentMix::Parse(text.mix);
  if (text.arrivals == "constant") bench.arrivals = ArrivalProcess::kConstant;
  bench.unary = text.rpc == "process";
  bench.durability = ParseDurability(text.durability);
  absl::ParseDuration(text.warmup, &bench.warmup);
  absl::ParseDuration(text.duration, &bench.duration);
  absl::ParseDuration(text.retry_for, &bench.retry_for);
  if (bench.unary && bench.in_flight > 1) {
    throw CLI::ValidationError("--in-flight", "expected 1 with --rpc process");
  }
  if (bench.duration <= absl::ZeroDuration() ||
      bench.duration == absl::InfiniteDuration()) {
    throw CLI::ValidationError(
        "--duration",
        "expected a time above 0 such as 10s, got '" + text.duration + "'");
  }
  return bench;
}

}  // namespace

void AddBench(CLI::App& program, Command& command) {
  CLI::App* app = program.add_subcommand(
      "bench", "Measures a server: segments a second and their latency");
  app->footer(kBenchHelp);
  const auto texts = std::make_shared<BenchTexts>();
  AddLoad(app, *texts);
  AddSegments(app, *texts);
  AddModelAndDurability(app, texts->arguments.model, texts->durability);
  AddTime(app, *texts);
  AddCommon(app, texts->arguments.common);
  app->callback([texts, &command] { command = Understand(*texts); });
}

}  // namespace mneme::cli
