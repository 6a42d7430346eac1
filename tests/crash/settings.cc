#include "tests/crash/settings.h"

#include <cstdio>
#include <cstdlib>
#include <random>

#include "absl/strings/numbers.h"
#include "gtest/gtest.h"

namespace mneme {
namespace {

std::string Variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT: nothing sets it
  return value == nullptr ? "" : value;
}

uint64_t DrawSeed() {
  const std::string given = Variable("MNEME_CRASH_SEED");
  uint64_t seed = 0;
  if (given.empty()) {
    seed = std::random_device()();
  } else if (!absl::SimpleAtoi(given, &seed)) {
    ADD_FAILURE() << "MNEME_CRASH_SEED=" << given << ", expected a number";
  }
  std::printf("MNEME_CRASH_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

}  // namespace

uint64_t CrashSeed() {
  static const uint64_t seed = DrawSeed();
  return seed;
}

int CrashKills(int ordinary) {
  const std::string given = Variable("MNEME_CRASH_KILLS");
  if (given.empty()) return ordinary;
  int kills = 0;
  if (!absl::SimpleAtoi(given, &kills) || kills < 1) {
    ADD_FAILURE() << "MNEME_CRASH_KILLS=" << given << ", expected 1 or more";
    return ordinary;
  }
  return kills;
}

std::string CrashFolder() { return Variable("MNEME_CRASH_FOLDER"); }

}  // namespace mneme
