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

// How a session of a run ends.
enum class SessionEnd { kClose, kErase, kExpire };

// What must be true of one slot, whenever the server comes back. A slot has one
// session after the other, each with an id of its own.
struct ExpectedSession {
  // What was asked of the server and not answered yet.
  enum class Doing : char {
    kAbsent = '0',    // nothing: the session is not there yet
    kOpening = 'o',   // `place` means nothing yet
    kForking = 'f',   // from `to`, of its sibling's session
    kNothing = '-',   // the session is there
    kSending = 's',   // a message of `count` tokens after `place`
    kRollback = 'r',  // back to `to`
    kPinning = 'p',   // `to`, instead of `pinned`
    kEnding = 'e',    // as ExpectedState::EndOf() says
  };

  uint64_t generation = 0;  // counts the slot's sessions; those before are gone
  uint64_t stream = 0;      // whose tokens it sends
  Doing doing = Doing::kAbsent;
  Place place;  // the newest that was acknowledged
  uint64_t count = 0;
  bool flush = false;
  Place to;
  Place pinned;  // that of step 0: none
  friend bool operator==(const ExpectedSession&,
                         const ExpectedSession&) = default;
};

// The expected state of a run: a text file outside the server's folder, a line
// a slot, written before each thing that is asked of the server and after each
// answer. What Write() wrote is read back after any death of the test's
// process, so that another can check the run and go on with it. Thread-safe;
// one thread writes a slot.
class ExpectedState {
 public:
  // The file's, with its seed and slots, or a new one where there is none.
  static absl::StatusOr<std::unique_ptr<ExpectedState>> Open(
      const std::string& path, uint64_t seed, int slots);
  ~ExpectedState();
  ExpectedState(const ExpectedState&) = delete;
  ExpectedState& operator=(const ExpectedState&) = delete;

  uint64_t seed() const { return seed_; }
  int slots() const { return slots_; }
  // No id is a part of another.
  static std::string SessionId(int slot, uint64_t generation);
  SessionEnd EndOf(int slot, uint64_t generation) const;
  // Slots come in pairs, which fork each other's sessions.
  static int SiblingOf(int slot) { return slot ^ 1; }

  void Write(int slot, const ExpectedSession& session) ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<ExpectedSession> Read(int slot) const ABSL_LOCKS_EXCLUDED(mu_);

  // Every place at which the session may be found, if it is there.
  std::vector<Place> PossiblePlaces(const ExpectedSession& session) const;

 private:
  ExpectedState(int file, uint64_t seed, int slots)
      : file_(file), seed_(seed), slots_(slots) {}

  const int file_;
  const uint64_t seed_;
  const int slots_;
  mutable Mutex mu_;  // a line is read whole
};

}  // namespace mneme

#endif  // MNEME_TESTS_CRASH_EXPECTED_STATE_H_
