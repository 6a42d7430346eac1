#ifndef MNEME_CLIENT_CLI_BENCH_BENCH_PLAN_H_
#define MNEME_CLIENT_CLI_BENCH_BENCH_PLAN_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/arguments.h"
#include "client/cli/bench/segment_mix.h"
#include "client/cli/bench/token_source.h"
#include "client/client.h"

namespace mneme::cli {

// The load of one measured line.
struct BenchLoad {
  uint64_t sessions = 1;
  double rate = 0;  // segments a second; 0: a closed loop

  bool open_loop() const { return rate > 0; }
};

// What a run of `mneme bench` will do: its arguments, made to fit the model. A
// plain value.
struct BenchPlan {
  client::ModelInfo model;
  SegmentMix mix;
  client::OutputSelection outputs;
  TokenSource tokens;
  uint64_t seed = 0;
  std::vector<BenchLoad> loads;
};

// Asks the server for the model. INVALID_ARGUMENT names the flag that does not
// fit it. Opens no session.
absl::StatusOr<BenchPlan> MakeBenchPlan(client::Client& client,
                                        const BenchArguments& arguments);

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_BENCH_BENCH_PLAN_H_
