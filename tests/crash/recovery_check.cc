#include "tests/crash/recovery_check.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "mneme/v1/sessions.grpc.pb.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

absl::Status Lost(const std::string& id, absl::string_view what) {
  return absl::DataLossError(absl::StrCat(id, ": ", what));
}

absl::StatusOr<std::set<std::string>> ListSessions(
    v1::Sessions::Stub& sessions) {
  std::set<std::string> ids;
  v1::ListSessionsRequest request;
  v1::ListSessionsResponse page;
  do {
    grpc::ClientContext context;
    const grpc::Status status = sessions.List(&context, request, &page);
    if (!status.ok()) return Lost("List", status.error_message());
    for (const v1::Session& session : page.sessions()) {
      ids.insert(session.session_id());
    }
    request.set_page_token(page.next_page_token());
  } while (!page.next_page_token().empty());
  return ids;
}

bool IsAt(const v1::MemoryHandle& handle, const Place& place) {
  return handle.step() == place.step &&
         handle.digest() == AsBytes(place.digest);
}

std::string Steps(const std::vector<Place>& places) {
  return absl::StrJoin(places, ", ", [](std::string* out, const Place& place) {
    absl::StrAppend(out, place.step);
  });
}

absl::Status CheckSession(v1::Sessions::Stub& sessions, const std::string& id,
                          const ExpectedSession& expected,
                          const std::vector<Place>& possible) {
  v1::GetSessionRequest get;
  get.set_session_id(id);
  v1::Session session;
  grpc::ClientContext context;
  const grpc::Status status = sessions.Get(&context, get, &session);
  if (!status.ok()) return Lost(id, status.error_message());
  const auto is_head = [&](const Place& place) {
    return IsAt(session.head(), place);
  };
  if (!std::any_of(possible.begin(), possible.end(), is_head)) {
    return Lost(id, absl::StrCat("it is at step ", session.head().step(),
                                 ", or at that of other tokens, expected one "
                                 "of the steps ",
                                 Steps(possible)));
  }
  const bool rolled_back =
      expected.doing == ExpectedSession::Doing::kRollback &&
      is_head(expected.to);
  const Place& from = rolled_back ? expected.to : expected.place;
  const auto is_from = [&](const v1::MemoryHandle& handle) {
    return IsAt(handle, from);
  };
  if (std::none_of(session.retained().begin(), session.retained().end(),
                   is_from)) {
    return Lost(id, absl::StrCat("step ", from.step, " is not retained"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckRecovered(const std::shared_ptr<grpc::Channel>& channel,
                            const ExpectedState& expected) {
  const auto sessions = v1::Sessions::NewStub(channel);
  ASSIGN_OR_RETURN(std::set<std::string> listed, ListSessions(*sessions));
  for (int i = 0; i < expected.sessions(); ++i) {
    const std::string id = ExpectedState::SessionId(i);
    ASSIGN_OR_RETURN(const ExpectedSession session, expected.Read(i));
    const bool is_listed = listed.erase(id) > 0;
    // Whether an Open that was cut off came to pass shows when it is retried.
    if (session.doing == ExpectedSession::Doing::kOpening) continue;
    if (!is_listed) return Lost(id, "it is not listed");
    RETURN_IF_ERROR(CheckSession(*sessions, id, session,
                                 expected.PossiblePlaces(i, session)));
  }
  if (listed.empty()) return absl::OkStatus();
  return Lost(*listed.begin(), "nobody opened it");
}

}  // namespace mneme
