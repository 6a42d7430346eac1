#ifndef MNEME_TESTS_CRASH_CRASH_SESSION_H_
#define MNEME_TESTS_CRASH_CRASH_SESSION_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "mneme/v1/segments.grpc.pb.h"
#include "mneme/v1/sessions.grpc.pb.h"
#include "tests/crash/expected_state.h"
#include "tests/crash/session_model.h"

namespace mneme {

// A connection to one server.
struct CrashStubs {
  explicit CrashStubs(const std::shared_ptr<grpc::Channel>& channel)
      : segments(v1::Segments::NewStub(channel)),
        sessions(v1::Sessions::NewStub(channel)) {}

  const std::unique_ptr<v1::Segments::Stub> segments;
  const std::unique_ptr<v1::Sessions::Stub> sessions;
};

// What was seen in a run.
struct CrashCounts {
  int cut_off = 0;   // calls that a kill ended
  int resolved = 0;  // of these: a look showed that it was done
  int kept = 0;      // steps that were answered again, their answer cut off
  int shared = 0;    // steps that were taken from another session
  int opens = 0;
  int forks = 0;
  int rollbacks = 0;
  int pins = 0;
  int closed = 0;
  int erased = 0;
  int expired = 0;
};

// One slot of the expected state: what is asked of its sessions, one thing at a
// time, and what must come of it. A call that was cut off is settled by looking
// at the session, where that tells; else by asking once more, the same way. The
// test fails unless every answer is what session_model.h says, each step once.
// Used by one thread.
class CrashSession {
 public:
  // None is owned. `store` is the folder of the server's store.
  CrashSession(ExpectedState* expected, int slot, std::string store,
               CrashCounts* counts);

  // From the expected state. `sibling` outlives this and is of the same thread.
  void Load(CrashSession* sibling);
  // To a server that knows nothing of what was asked of another before.
  void Connect(const CrashStubs* stubs);

  bool is_there() const;
  // Whether something was asked that is not answered.
  bool is_busy() const;

  // What to do next, which is written down; Advance() does it. Some look at a
  // session first; false: the server is gone.
  void ChooseOpen();
  bool ChooseFork();
  void ChooseMessage();
  bool ChooseRollback();
  bool ChoosePin();
  void ChooseEnd();
  // Does what was chosen. False: the server is gone.
  bool Advance();

 private:
  using Doing = ExpectedSession::Doing;

  // crash_session_calls.cc
  bool Open();
  bool Fork();
  bool Send();
  bool Rollback();
  bool Pin();
  void CheckReply(const v1::SegmentReply& reply,
                  const std::vector<Place>& places);
  void CheckSegment(const v1::AppliedSegment& segment, const Place& place);
  // crash_session_end.cc
  bool End();
  bool Close(bool erase);
  bool Expire();
  bool AwaitExpiry();

  // Sees whether a call that was cut off was done. False: the server is gone.
  bool Settle();
  bool IsDone(const v1::Session& session) const;
  grpc::Status Look(v1::Session* session);
  // Places that it retains and that can be named.
  bool Known(std::vector<Place>* places);

  // Each writes down what was acknowledged. `session` is as the server has it.
  void Began(const v1::Session& session);
  void RolledBack(const v1::Session& session);
  void Pinned(const v1::Session& session);
  void Ended();
  void Acknowledge(Place place);
  void Write() { expected_->Write(slot_, session_); }
  // False for a call that found no server; any other error fails the test.
  bool Survived(const grpc::Status& status);
  v1::MemoryHandle Handle(const Place& place) const;
  // The tokens that only its session sends.
  uint64_t OwnStream() const {
    return static_cast<uint64_t>(slot_) * 1'000'000 + session_.generation;
  }
  // Every other pair of slots is: with the process alone it loses nothing
  // either, as what it committed is in the operating system's hands.
  bool is_async() const { return slot_ / 2 % 2 == 1; }
  uint64_t Draw(uint64_t end) { return random_() % end; }

  ExpectedState* const expected_;
  const int slot_;
  const std::string store_;
  CrashCounts* const counts_;
  std::mt19937_64 random_;
  CrashSession* sibling_ = nullptr;
  const CrashStubs* stubs_ = nullptr;
  bool is_cut_off_ = false;  // what is asked now was asked before

  std::string id_;
  ExpectedSession session_;
  std::map<uint64_t, Place> history_;  // acknowledged places, by step
  uint64_t tail_ = 0;                  // tokens accepted after session_.place
};

}  // namespace mneme

#endif  // MNEME_TESTS_CRASH_CRASH_SESSION_H_
