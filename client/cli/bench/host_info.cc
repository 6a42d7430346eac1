#include "client/cli/bench/host_info.h"

#include <unistd.h>

#include <array>
#include <fstream>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace mneme::cli {
namespace {

std::string CpuModel() {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line)) {
    if (!absl::StartsWith(line, "model name")) continue;
    return std::string(absl::StripAsciiWhitespace(
        absl::string_view(line).substr(line.find(':') + 1)));
  }
  return "";
}

}  // namespace

HostInfo ThisHost() {
  std::array<char, 256> name = {};
  gethostname(name.data(), name.size() - 1);
  return {name.data(), CpuModel(), std::thread::hardware_concurrency()};
}

}  // namespace mneme::cli
