#ifndef MNEME_TESTS_CRASH_CRASH_CLIENT_H_
#define MNEME_TESTS_CRASH_CRASH_CLIENT_H_

#include <cstdint>
#include <memory>
#include <random>
#include <string>

#include "tests/crash/crash_session.h"
#include "tests/crash/current_server.h"
#include "tests/crash/expected_state.h"

namespace mneme {

// Two slots of sessions, driven through whatever server there is, one thing at
// a time: messages of seeded tokens, some flushed, forks from one slot into the
// other, rollbacks, pins, and ends of three kinds. What it knows, but for what
// it could roll back to, is in the expected state. Run() on one thread, the
// rest after.
class CrashClient {
 public:
  // None is owned; all outlive it. The slots are `number` * 2 and the next.
  CrashClient(CurrentServer* servers, ExpectedState* expected, int number,
              const std::string& store);

  // Until the run is over, or the test has failed.
  void Run();

  const CrashCounts& counts() const { return counts_; }

 private:
  // The next thing to do; false: the server is gone.
  bool Advance();
  // What to do next.
  bool Choose(CrashSession& session, CrashSession& sibling);

  CurrentServer* const servers_;
  CrashCounts counts_;
  CrashSession first_;
  CrashSession second_;
  std::mt19937_64 random_;
  int generation_ = 0;  // of the server
  std::unique_ptr<CrashStubs> stubs_;
};

}  // namespace mneme

#endif  // MNEME_TESTS_CRASH_CRASH_CLIENT_H_
