// The part of CrashSession that ends a session and sees that nothing is left.

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/session/handle.h"
#include "tests/crash/crash_session.h"
#include "tests/crash/session_end.h"
#include "tests/crash/wire_place.h"

namespace mneme {
namespace {

using ::testing::IsEmpty;

constexpr int32_t kIdleNanos = 1'000'000;
// A server that lets a session live so much longer fails the test.
constexpr absl::Duration kPatience = absl::Seconds(60);

}  // namespace

bool CrashSession::End() {
  switch (expected_->EndOf(slot_, session_.generation)) {
    case SessionEnd::kClose:
      return Close(/*erase=*/false);
    case SessionEnd::kErase:
      return Close(/*erase=*/true);
    case SessionEnd::kExpire:
      return Expire();
  }
  return false;
}

// One that was cut off is asked once more, whatever is there: of an erase bytes
// may be left after the session is gone.
bool CrashSession::Close(bool erase) {
  v1::CloseSessionRequest request;
  request.set_session_id(id_);
  request.set_erase(erase);
  v1::CloseSessionResponse closed;
  grpc::ClientContext context;
  const grpc::Status status =
      stubs_->sessions->Close(&context, request, &closed);
  if (status.error_code() == grpc::NOT_FOUND && is_cut_off_) {
    ++counts_->resolved;
  } else if (Survived(status)) {
    EXPECT_TRUE(IsAt(closed.last(), session_.place)) << id_;
  } else {
    return false;
  }
  ++(erase ? counts_->erased : counts_->closed);
  if (erase) {
    EXPECT_THAT(FilesWith(store_, id_), IsEmpty()) << id_;
  }
  Ended();
  return true;
}

bool CrashSession::Expire() {
  v1::Session session;
  if (is_cut_off_) {
    const grpc::Status status = Look(&session);
    if (IsExpired(status)) return AwaitExpiry();
    if (!Survived(status)) return false;
  }
  if (session.has_idle_ttl()) {
    ++counts_->resolved;
    return AwaitExpiry();
  }
  v1::TouchSessionRequest touch;
  touch.set_session_id(id_);
  touch.mutable_idle_ttl()->set_nanos(kIdleNanos);
  grpc::ClientContext context;
  if (!Survived(stubs_->sessions->Touch(&context, touch, &session))) {
    return false;
  }
  return AwaitExpiry();
}

bool CrashSession::AwaitExpiry() {
  const absl::Time give_up = absl::Now() + kPatience;
  v1::Session session;
  grpc::Status status;
  do {
    status = Look(&session);
  } while (status.ok() && absl::Now() < give_up);
  if (status.ok()) ADD_FAILURE() << id_ << " does not expire";
  if (!IsExpired(status)) return Survived(status);
  const MemoryHandle last = {id_, session_.place.step, session_.place.digest};
  EXPECT_EQ(LastHandle(status), last.ToString());
  ++counts_->expired;
  Ended();
  return true;
}

void CrashSession::Ended() {
  v1::Session session;
  const grpc::Status status = Look(&session);
  EXPECT_TRUE(status.error_code() == grpc::UNAVAILABLE ||
              IsGone(status, expected_->EndOf(slot_, session_.generation)))
      << id_ << " has ended: " << status.error_message();
  const uint64_t next = session_.generation + 1;
  session_ = ExpectedSession();
  session_.generation = next;
  id_ = ExpectedState::SessionId(slot_, next);
  history_.clear();
  tail_ = 0;
  is_cut_off_ = false;
  Write();
}

}  // namespace mneme
