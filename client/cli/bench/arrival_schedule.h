#ifndef MNEME_CLIENT_CLI_BENCH_ARRIVAL_SCHEDULE_H_
#define MNEME_CLIENT_CLI_BENCH_ARRIVAL_SCHEDULE_H_

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"
#include "client/cli/arguments.h"
#include "client/cli/bench/random_bits.h"

namespace mneme::cli {

// When the segments of an open loop are due, and of which sessions: whatever
// the server does, which is what makes the loop open. Constant arrivals take
// the sessions in turn, those of a Poisson process a random one each, so that
// each session has a Poisson process of its own. Thread-compatible.
class ArrivalSchedule {
 public:
  struct Arrival {
    absl::Duration due;  // from the beginning
    size_t session = 0;
  };

  // `rate` segments a second over all. REQUIRES: rate > 0, 0 < sessions < 2^32.
  ArrivalSchedule(ArrivalProcess process, double rate, size_t sessions,
                  uint64_t seed)
      : process_(process), rate_(rate), sessions_(sessions), bits_(seed) {
    Advance();
  }

  // The next arrival, which Pop() takes.
  const Arrival& next() const { return next_; }
  void Pop() { Advance(); }

 private:
  void Advance();

  const ArrivalProcess process_;
  const double rate_;
  const size_t sessions_;
  RandomBits bits_;
  uint64_t count_ = 0;
  double seconds_ = 0;  // of the Poisson process
  Arrival next_;
};

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_BENCH_ARRIVAL_SCHEDULE_H_
