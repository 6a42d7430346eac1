#ifndef MNEME_CLIENT_CLI_BENCH_HOST_INFO_H_
#define MNEME_CLIENT_CLI_BENCH_HOST_INFO_H_

#include <string>

namespace mneme::cli {

// The machine that a bench runs on. A plain value.
struct HostInfo {
  std::string name;
  std::string cpu;  // its model; empty where it is not known
  unsigned cpus = 0;
};

// Of this machine. Thread-safe.
HostInfo ThisHost();

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_BENCH_HOST_INFO_H_
