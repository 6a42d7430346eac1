#ifndef MNEME_CLIENT_CLI_BENCH_PROCESS_CPU_H_
#define MNEME_CLIENT_CLI_BENCH_PROCESS_CPU_H_

#include "absl/time/time.h"

namespace mneme::cli {

// The time that all processors spent on this process so far. Thread-safe.
absl::Duration ProcessCpuTime();

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_BENCH_PROCESS_CPU_H_
