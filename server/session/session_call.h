#ifndef MNEME_SERVER_SESSION_SESSION_CALL_H_
#define MNEME_SERVER_SESSION_SESSION_CALL_H_

#include "absl/status/status.h"

namespace mneme {

// Something that a session does alone: nothing else changes its stream from
// Start() until the call tells it Session::RunNext(). Exactly one of Start()
// and Refuse() is called, once, on any thread, with no lock held.
class SessionCall {
 public:
  virtual ~SessionCall() = default;

  virtual void Start() = 0;
  // It will not run.
  virtual void Refuse(const absl::Status& status) = 0;
};

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_SESSION_CALL_H_
