#include "tests/integration/envoy_process.h"

#include <httplib.h>

#include <filesystem>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gtest/gtest.h"
#include "tests/testing/eventually.h"
#include "tests/testing/free_port.h"

namespace mneme {
namespace {

std::string PortValue(int port) { return absl::StrCat("port_value: ", port); }

std::string Replaced(std::string text,
                     const EnvoyProcess::Replacements& replacements) {
  for (const auto& [from, to] : replacements) {
    EXPECT_EQ(absl::StrReplaceAll({{from, to}}, &text), 1) << from;
  }
  return text;
}

}  // namespace

std::string EnvoyFile(const std::string& name) {
  std::string text = TempFolder::ReadFile("deploy/envoy/" + name);
  EXPECT_NE(text, "") << name;
  return text;
}

double HttpNumber(const std::string& address, const std::string& path,
                  absl::string_view name) {
  const auto response = httplib::Client("http://" + address).Get(path);
  if (!response) return -1;
  for (absl::string_view line : absl::StrSplit(response->body, '\n')) {
    double number = 0;
    if (absl::ConsumePrefix(&line, name) && absl::SimpleAtod(line, &number)) {
      return number;
    }
  }
  return -1;
}

EnvoyProcess::EnvoyProcess(const std::string& file, int listen, int admin,
                           const Replacements& replacements)
    : port_(FreePort()), admin_(FreePort()) {
  Replacements all = replacements;
  all.emplace_back(PortValue(listen), PortValue(port_));
  all.emplace_back(PortValue(admin), PortValue(admin_));
  const std::string config =
      folder_.Write("envoy.yaml", Replaced(EnvoyFile(file), all));
  // Nobody reads what it says; warnings fit into the pipe.
  process_ = std::make_unique<ChildProcess>(
      kEnvoy, std::vector<std::string>{"-c", config, "--disable-hot-restart",
                                       "--concurrency", "2", "-l", "warning"});
}

std::string EnvoyProcess::address() const {
  return absl::StrCat("127.0.0.1:", port_);
}

double EnvoyProcess::Stat(const std::string& name) const {
  return HttpNumber(absl::StrCat("127.0.0.1:", admin_),
                    absl::StrCat("/stats?filter=^", name, "$"), name + ": ");
}

EnvoyFront::EnvoyFront(const std::vector<std::string>& replicas) {
  WriteList(replicas);
  envoy_ = std::make_unique<EnvoyProcess>(
      "mneme.yaml", 7440, 7441,
      EnvoyProcess::Replacements{
          {"./replicas.yaml", folder_.File("replicas.yaml")}});
  AwaitHealthy(replicas.size());
}

void EnvoyFront::SetReplicas(const std::vector<std::string>& replicas) {
  WriteList(replicas);
  AwaitHealthy(replicas.size());
}

void EnvoyFront::WriteList(const std::vector<std::string>& replicas) const {
  const std::string shipped = EnvoyFile("replicas.yaml");
  std::string list = shipped.substr(0, shipped.find("    - endpoint:"));
  for (size_t i = 0; i < replicas.size(); ++i) {
    const std::pair<std::string, std::string> address =
        absl::StrSplit(replicas[i], ':');
    absl::StrAppend(
        &list, "    - endpoint: {address: {socket_address: ", "{address: ",
        address.first, ", port_value: ", address.second, "}}}\n",
        "      metadata: {filter_metadata: {envoy.lb: ", "{hash_key: replica-",
        i + 1, "}}}\n");
  }
  std::filesystem::rename(folder_.Write("replicas.new", list),
                          folder_.File("replicas.yaml"));
}

void EnvoyFront::AwaitHealthy(size_t replicas) const {
  EXPECT_TRUE(Eventually([&] {
    return envoy_->Stat("cluster.mnemed.membership_healthy") ==
           static_cast<double>(replicas);
  })) << "Envoy does not serve, or not all "
      << replicas << " replicas are healthy";
}

}  // namespace mneme
