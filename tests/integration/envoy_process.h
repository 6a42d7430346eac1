#ifndef MNEME_TESTS_INTEGRATION_ENVOY_PROCESS_H_
#define MNEME_TESTS_INTEGRATION_ENVOY_PROCESS_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "tests/testing/child_process.h"
#include "tests/testing/temp_folder.h"

namespace mneme {

// Where deploy/setup installs Envoy.
inline constexpr char kEnvoy[] = MNEME_ENVOY;

// A file of deploy/envoy, as it is shipped.
std::string EnvoyFile(const std::string& name);

// The number after `name`, which begins a line of what GET `path` answers; -1:
// there is no such line, or no answer.
double HttpNumber(const std::string& address, const std::string& path,
                  absl::string_view name);

// A real Envoy with a configuration of deploy/envoy, on ports of its own.
// Killed at the end of the scope. Used by one thread.
class EnvoyProcess {
 public:
  using Replacements = std::vector<std::pair<std::string, std::string>>;

  // `replacements`: texts, each of which the file has once, and what takes
  // their place. `listen` and `admin` are the ports in the file.
  EnvoyProcess(const std::string& file, int listen, int admin,
               const Replacements& replacements);

  int port() const { return port_; }
  std::string address() const;
  // A value of its statistics; -1: not yet.
  double Stat(const std::string& name) const;

 private:
  const int port_;
  const int admin_;
  const TempFolder folder_;
  std::unique_ptr<ChildProcess> process_;
};

// deploy/envoy/mneme.yaml: the front of several mnemed.
class EnvoyFront {
 public:
  // Serves once all replicas are healthy.
  explicit EnvoyFront(const std::vector<std::string>& replicas);

  std::string address() const { return envoy_->address(); }
  // Moves a new list of addresses into place, and waits until Envoy goes by it.
  void SetReplicas(const std::vector<std::string>& replicas);

 private:
  void WriteList(const std::vector<std::string>& replicas) const;
  void AwaitHealthy(size_t replicas) const;

  const TempFolder folder_;
  std::unique_ptr<EnvoyProcess> envoy_;
};

}  // namespace mneme

#endif  // MNEME_TESTS_INTEGRATION_ENVOY_PROCESS_H_
