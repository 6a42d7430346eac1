#ifndef MNEME_SERVER_SESSION_SESSION_OBSERVER_H_
#define MNEME_SERVER_SESSION_SESSION_OBSERVER_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/session/end_reason.h"
#include "server/session/segment.h"

namespace mneme {

// Told what happens to messages; server/observe makes metrics of it. Called
// from any thread, with no lock held; must not block.
class SessionObserver {
 public:
  virtual ~SessionObserver() = default;

  // A segment was committed, or is answered again (from what was kept, or
  // computed once more). Its message may still fail.
  virtual void OnSegment(absl::string_view model,
                         const AppliedSegment& segment) = 0;
  // A session ended by itself.
  virtual void OnSessionEnd(EndReason /*reason*/) {}
  // A session that another server had is this one's, or why it is not.
  virtual void OnTakeover(const absl::Status& /*status*/) {}
  // Another server asked for a session of this one, and has it now.
  virtual void OnReleased() {}
  // A message was answered; OK or the error it got, after `latency`.
  virtual void OnRequest(const absl::Status& status,
                         absl::Duration latency) = 0;
};

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_SESSION_OBSERVER_H_
