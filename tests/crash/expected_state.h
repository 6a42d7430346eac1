#ifndef MNEME_TESTS_CRASH_EXPECTED_STATE_H_
#define MNEME_TESTS_CRASH_EXPECTED_STATE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "server/base/mutex.h"
#include "tests/crash/session_model.h"

namespace mneme {

// What must be true of one session, whenever the server comes back.
struct ExpectedSession {
  // What was asked of the server and not answered yet.
  enum class Doing : char {
    kOpening = 'o',  // `place` means nothing yet
    kNothing = '-',
    kSending = 's',   // a message of `count` tokens after `place`
    kRollback = 'r',  // back to `to`
  };

  Place place;  // the newest that was acknowledged
  Doing doing = Doing::kOpening;
  uint64_t count = 0;
  bool flush = false;
  Place to;
  friend bool operator==(const ExpectedSession&,
                         const ExpectedSession&) = default;
};

// The expected state of a run: a text file outside the server's folder, a line
// a session, written before each thing that is asked of the server and after
// each answer. What Write() wrote is read back after any death of the test's
// process, so that another can check the run and go on with it. Thread-safe;
// one thread writes a session.
class ExpectedState {
 public:
  // The file's, with its seed and sessions, or a new one where there is none.
  static absl::StatusOr<std::unique_ptr<ExpectedState>> Open(
      const std::string& path, uint64_t seed, int sessions);
  ~ExpectedState();
  ExpectedState(const ExpectedState&) = delete;
  ExpectedState& operator=(const ExpectedState&) = delete;

  uint64_t seed() const { return seed_; }
  int sessions() const { return sessions_; }
  static std::string SessionId(int number);

  void Write(int number, const ExpectedSession& session)
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<ExpectedSession> Read(int number) const
      ABSL_LOCKS_EXCLUDED(mu_);

  // Every place at which the session may be found.
  std::vector<Place> PossiblePlaces(int number,
                                    const ExpectedSession& session) const;

 private:
  ExpectedState(int file, uint64_t seed, int sessions)
      : file_(file), seed_(seed), sessions_(sessions) {}

  const int file_;
  const uint64_t seed_;
  const int sessions_;
  mutable Mutex mu_;  // a line is read whole
};

}  // namespace mneme

#endif  // MNEME_TESTS_CRASH_EXPECTED_STATE_H_
