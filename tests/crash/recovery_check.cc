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
#include "tests/crash/session_end.h"
#include "tests/crash/wire_place.h"

namespace mneme {
namespace {

using Doing = ExpectedSession::Doing;

// Of each slot: what came back of those before would be listed.
constexpr uint64_t kEndedChecked = 3;

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

grpc::Status Look(v1::Sessions::Stub& sessions, const std::string& id,
                  v1::Session* session) {
  v1::GetSessionRequest get;
  get.set_session_id(id);
  grpc::ClientContext context;
  return sessions.Get(&context, get, session);
}

std::string Steps(const std::vector<Place>& places) {
  return absl::StrJoin(places, ", ", [](std::string* out, const Place& place) {
    absl::StrAppend(out, place.step);
  });
}

// Where the session is of the places at which it may be.
absl::StatusOr<Place> CheckHead(const std::string& id,
                                const v1::Session& session,
                                const std::vector<Place>& possible) {
  for (const Place& place : possible) {
    if (IsAt(session.head(), place)) return place;
  }
  return Lost(id, absl::StrCat("it is at step ", session.head().step(),
                               ", or at that of other tokens, expected one "
                               "of the steps ",
                               Steps(possible)));
}

absl::Status CheckRetained(const std::string& id, const v1::Session& session,
                           const Place& place) {
  const auto is_place = [&](const v1::MemoryHandle& handle) {
    return IsAt(handle, place);
  };
  if (std::any_of(session.retained().begin(), session.retained().end(),
                  is_place)) {
    return absl::OkStatus();
  }
  return Lost(id, absl::StrCat("step ", place.step, " is not retained"));
}

absl::Status CheckPins(const std::string& id, const v1::Session& session,
                       const ExpectedSession& expected, bool is_rolled_back) {
  std::vector<Place> pins = {expected.pinned};
  if (expected.doing == Doing::kPinning) pins.push_back(expected.to);
  if (is_rolled_back && expected.pinned.step > expected.to.step) {
    pins = {Place()};
  }
  for (const Place& pin : pins) {
    if (pin.step == 0 && session.pinned_size() == 0) return absl::OkStatus();
    if (session.pinned_size() == 1 && IsAt(session.pinned(0), pin)) {
      return CheckRetained(id, session, pin);
    }
  }
  return Lost(
      id, absl::StrCat(session.pinned_size(),
                       " values are pinned, expected one of ", Steps(pins)));
}

absl::Status CheckSession(const std::string& id, const v1::Session& session,
                          const ExpectedSession& expected,
                          const std::vector<Place>& possible) {
  ASSIGN_OR_RETURN(const Place at, CheckHead(id, session, possible));
  // A message may have been applied up to there: it is retried from its start.
  const bool is_rolled_back =
      expected.doing == Doing::kRollback && at == expected.to;
  RETURN_IF_ERROR(CheckRetained(
      id, session, expected.doing == Doing::kSending ? expected.place : at));
  return CheckPins(id, session, expected, is_rolled_back);
}

// One of which nothing but what it begins with can be there.
absl::Status CheckBegin(const std::string& id, const v1::Session& session,
                        const ExpectedSession& expected) {
  const uint64_t step =
      expected.doing == Doing::kOpening ? 0 : expected.to.step;
  const bool is_whole = session.retained_size() == 1 &&
                        session.head().step() == step &&
                        session.pinned_size() == 0;
  if (!is_whole) return Lost(id, "it begins with something else");
  if (expected.doing == Doing::kOpening) return absl::OkStatus();
  return CheckHead(id, session, {expected.to}).status();
}

// The slot's last sessions before that of `generation`.
absl::Status CheckEnded(v1::Sessions::Stub& sessions, int slot,
                        uint64_t generation, const ExpectedState& all) {
  uint64_t ended = generation - std::min(generation, kEndedChecked);
  for (; ended < generation; ++ended) {
    const std::string id = ExpectedState::SessionId(slot, ended);
    v1::Session session;
    const grpc::Status status = Look(sessions, id, &session);
    if (IsGone(status, all.EndOf(slot, ended))) continue;
    return Lost(id, absl::StrCat("it has ended, and is answered '",
                                 status.error_message(), "'"));
  }
  return absl::OkStatus();
}

// One that is listed, or may be there.
absl::Status CheckSlot(v1::Sessions::Stub& sessions, int slot,
                       const ExpectedSession& expected, bool is_listed,
                       const ExpectedState& all) {
  const std::string id = ExpectedState::SessionId(slot, expected.generation);
  const bool is_beginning =
      expected.doing == Doing::kOpening || expected.doing == Doing::kForking;
  const bool is_ending = expected.doing == Doing::kEnding;
  const SessionEnd end = all.EndOf(slot, expected.generation);
  v1::Session session;
  const grpc::Status status = Look(sessions, id, &session);
  if (is_ending && IsGone(status, end)) return absl::OkStatus();
  if (!is_listed && is_beginning && status.error_code() == grpc::NOT_FOUND) {
    return absl::OkStatus();
  }
  if (!is_listed) return Lost(id, "it is not listed");
  if (!status.ok()) return Lost(id, status.error_message());
  return is_beginning ? CheckBegin(id, session, expected)
                      : CheckSession(id, session, expected,
                                     all.PossiblePlaces(expected));
}

}  // namespace

absl::Status CheckRecovered(const std::shared_ptr<grpc::Channel>& channel,
                            const ExpectedState& expected) {
  const auto sessions = v1::Sessions::NewStub(channel);
  ASSIGN_OR_RETURN(std::set<std::string> listed, ListSessions(*sessions));
  for (int slot = 0; slot < expected.slots(); ++slot) {
    ASSIGN_OR_RETURN(const ExpectedSession session, expected.Read(slot));
    const std::string id = ExpectedState::SessionId(slot, session.generation);
    if (session.doing != Doing::kAbsent) {
      const bool is_listed = listed.erase(id) > 0;
      RETURN_IF_ERROR(CheckSlot(*sessions, slot, session, is_listed, expected));
    }
    RETURN_IF_ERROR(CheckEnded(*sessions, slot, session.generation, expected));
  }
  if (listed.empty()) return absl::OkStatus();
  return Lost(*listed.begin(), "nobody opened it, or it has ended");
}

}  // namespace mneme
