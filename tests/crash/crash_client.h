#ifndef MNEME_TESTS_CRASH_CRASH_CLIENT_H_
#define MNEME_TESTS_CRASH_CRASH_CLIENT_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "mneme/v1/segments.grpc.pb.h"
#include "mneme/v1/sessions.grpc.pb.h"
#include "tests/crash/current_server.h"
#include "tests/crash/expected_state.h"
#include "tests/crash/session_model.h"

namespace mneme {

// One session, driven through whatever server there is: messages of seeded
// tokens, some flushed, and rollbacks, one at a time. What a kill cut off is
// asked once more, the same way. The test fails unless every answer is what
// session_model.h says, each step once. What it knows, but for what it could
// roll back to, is in the expected state. Run() on one thread, the rest after.
class CrashClient {
 public:
  // Neither is owned; both outlive it.
  CrashClient(CurrentServer* servers, ExpectedState* expected, int number);

  // Until the run is over, or the test has failed.
  void Run();

  int cut_off() const { return cut_off_; }  // calls that a kill ended
  int rollbacks() const { return rollbacks_; }
  // Steps that were answered once more with their kept reply, because the
  // answer had been cut off.
  int kept() const { return kept_; }

 private:
  // The next thing to do; false: the server is gone.
  bool Advance();
  bool Open();
  bool Send();
  bool Rollback();
  // What to do next, and writes it down.
  bool Choose();
  bool ChooseRollback();
  void ChooseMessage();

  void CheckReply(const v1::SegmentReply& reply,
                  const std::vector<Place>& places);
  void CheckSegment(const v1::AppliedSegment& segment, const Place& place);
  // `place` was acknowledged; writes it down.
  void Acknowledge(Place place);
  void Write() { expected_->Write(number_, session_); }
  // False for a call that found no server; any other error fails the test.
  bool Survived(const grpc::Status& status);
  v1::MemoryHandle Handle(const Place& place) const;

  // Every other session is: with the process alone it loses nothing either, as
  // what it committed is in the operating system's hands.
  bool is_async() const { return number_ % 2 == 1; }

  CurrentServer* const servers_;
  ExpectedState* const expected_;
  const int number_;
  const std::string id_;
  std::mt19937_64 random_;
  ExpectedSession session_;
  std::map<uint64_t, Place> history_;  // acknowledged places, by step
  uint64_t tail_ = 0;                  // tokens accepted after session_.place

  int generation_ = 0;
  std::unique_ptr<v1::Segments::Stub> segments_;
  std::unique_ptr<v1::Sessions::Stub> sessions_;
  int cut_off_ = 0;
  int rollbacks_ = 0;
  int kept_ = 0;
};

}  // namespace mneme

#endif  // MNEME_TESTS_CRASH_CRASH_CLIENT_H_
