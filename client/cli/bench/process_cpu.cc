#include "client/cli/bench/process_cpu.h"

#include <sys/resource.h>

namespace mneme::cli {

absl::Duration ProcessCpuTime() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return absl::DurationFromTimeval(usage.ru_utime) +
         absl::DurationFromTimeval(usage.ru_stime);
}

}  // namespace mneme::cli
