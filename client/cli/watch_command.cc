#include "client/cli/watch_command.h"

#include <condition_variable>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/mutex.h"
#include "server/base/status_macros.h"

namespace mneme::cli {
namespace {

// Between two looks at the flag of the signal handler.
constexpr absl::Duration kTick = absl::Milliseconds(100);

std::string TimeText(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_sec, time, absl::UTCTimeZone());
}

void PrintEvent(const client::SessionEvent& event, bool json,
                std::ostream& out) {
  const std::string kind(client::ToString(event.kind));
  if (!json) {
    const std::string last = client::ToString(event.last);
    out << TimeText(event.time) << " " << kind << " "
        << (event.last.session_id.empty() ? event.session_id : last)
        << (event.reason.empty() ? "" : absl::StrCat(" (", event.reason, ")"))
        << std::endl;
    return;
  }
  nlohmann::ordered_json object;
  object["event"] = kind;
  object["time"] = TimeText(event.time);
  if (!event.session_id.empty()) {
    object["session"] = event.session_id;
    object["last"] = client::ToString(event.last);
  }
  if (!event.reason.empty()) object["reason"] = event.reason;
  out << object.dump(-1, ' ', false,
                     nlohmann::ordered_json::error_handler_t::replace)
      << std::endl;
}

absl::Status PrintAll(client::SessionWatch& watch, bool json,
                      std::ostream& out) {
  while (true) {
    const absl::StatusOr<client::SessionEvent> event = watch.Next();
    RETURN_IF_ERROR(event.status());
    // For people the start of it is no news.
    if (!json && event->kind == client::SessionEventKind::kReady) continue;
    PrintEvent(*event, json, out);
  }
}

// The end of a thread's work.
struct End {
  Mutex mu;
  std::condition_variable come;
  bool here ABSL_GUARDED_BY(mu) = false;
  absl::Status status ABSL_GUARDED_BY(mu);
};

}  // namespace

absl::Status RunWatch(client::Client& client, const WatchArguments& arguments,
                      const Environment& environment) {
  ASSIGN_OR_RETURN(const auto watch, client.WatchSessions(arguments.sessions));
  End end;
  std::thread reader([&] {
    absl::Status status =
        PrintAll(*watch, arguments.common.json, environment.out);
    MutexLock lock(&end.mu);
    end.here = true;
    end.status = std::move(status);
    end.come.notify_all();
  });
  {
    MutexLock lock(&end.mu);
    while (!end.here) {
      if (environment.interrupted != nullptr && *environment.interrupted) {
        watch->Cancel();
      }
      environment.clock->WaitUntil(lock, end.come,
                                   environment.clock->Monotonic() + kTick);
    }
  }
  reader.join();
  MutexLock lock(&end.mu);
  if (absl::IsCancelled(end.status)) return absl::CancelledError("interrupted");
  return end.status;
}

}  // namespace mneme::cli
