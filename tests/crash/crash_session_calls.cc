// The part of CrashSession that asks something of the server and checks what it
// says, but for the end of a session.

#include <cstring>

#include "gtest/gtest.h"
#include "tests/crash/crash_session.h"
#include "tests/crash/wire_place.h"

namespace mneme {
namespace {

int64_t LastState(const v1::SegmentResult& result) {
  int64_t state = 0;
  if (result.outputs_size() != 1) return state;
  const std::string& data = result.outputs(0).data();
  if (data.size() < sizeof state) return state;
  std::memcpy(&state, data.data() + data.size() - sizeof state, sizeof state);
  return state;
}

}  // namespace

bool CrashSession::Open() {
  v1::OpenSessionRequest open;
  open.set_session_id(id_);
  open.set_durability(is_async() ? v1::ASYNC : v1::SYNC);
  v1::Session opened;
  grpc::ClientContext context;
  if (!Survived(stubs_->sessions->Open(&context, open, &opened))) return false;
  Began(opened);
  ++counts_->opens;
  return true;
}

bool CrashSession::Fork() {
  v1::ForkSessionRequest request;
  request.set_session_id(sibling_->id_);
  request.set_fork_id(id_);
  *request.mutable_from() = sibling_->Handle(session_.to);
  v1::Session fork;
  grpc::ClientContext context;
  if (!Survived(stubs_->sessions->Fork(&context, request, &fork))) return false;
  Began(fork);
  ++counts_->forks;
  return true;
}

bool CrashSession::Send() {
  const std::vector<int32_t> tokens = TokensAfter(
      expected_->seed(), session_.stream, session_.place, session_.count);
  const std::vector<Place> places =
      PlacesOf(session_.place, tokens, session_.flush);
  v1::SegmentRequest request;
  request.set_session_id(id_);
  *request.mutable_at()->mutable_handle() = Handle(session_.place);
  request.mutable_tokens()->mutable_ids()->Assign(tokens.begin(), tokens.end());
  if (session_.flush) {
    request.mutable_flush()->set_tail(
        static_cast<uint32_t>(tokens.size() % kCrashSegment));
  }
  request.mutable_outputs()->add_names("state");
  v1::SegmentReply reply;
  grpc::ClientContext context;
  if (!Survived(stubs_->segments->Process(&context, request, &reply))) {
    return false;
  }
  CheckReply(reply, places);
  tail_ = session_.place.tokens + session_.count - places.back().tokens;
  EXPECT_EQ(reply.tail(), tail_) << id_;
  for (const Place& place : places) history_[place.step] = place;
  Acknowledge(places.back());
  return true;
}

void CrashSession::CheckReply(const v1::SegmentReply& reply,
                              const std::vector<Place>& places) {
  ASSERT_EQ(static_cast<size_t>(reply.segments_size()), places.size() - 1)
      << id_;
  for (int i = 0; i < reply.segments_size(); ++i) {
    CheckSegment(reply.segments(i), places[static_cast<size_t>(i) + 1]);
  }
  EXPECT_EQ(reply.head().step(), places.back().step) << id_;
  EXPECT_LE(reply.durable().step(), places.back().step) << id_;
  if (is_async()) return;
  EXPECT_TRUE(IsAt(reply.durable(), places.back())) << id_;
}

void CrashSession::CheckSegment(const v1::AppliedSegment& segment,
                                const Place& place) {
  EXPECT_TRUE(IsAt(segment.result().handle(), place)) << id_ << place.step;
  EXPECT_EQ(LastState(segment.result()), place.state)
      << id_ << " at step " << place.step;
  counts_->kept += segment.source() == v1::AppliedSegment::KEPT ? 1 : 0;
  counts_->shared += segment.source() == v1::AppliedSegment::SHARED ? 1 : 0;
}

bool CrashSession::Rollback() {
  v1::RollbackSessionRequest request;
  request.set_session_id(id_);
  *request.mutable_to() = Handle(session_.to);
  *request.mutable_expected_head() = Handle(session_.place);
  v1::Session session;
  grpc::ClientContext context;
  if (!Survived(stubs_->sessions->Rollback(&context, request, &session))) {
    return false;
  }
  RolledBack(session);
  return true;
}

bool CrashSession::Pin() {
  v1::TouchSessionRequest touch;
  touch.set_session_id(id_);
  *touch.add_pin() = Handle(session_.to);
  const Place& before = session_.pinned;
  if (before.step != 0 && before.step != session_.to.step) {
    *touch.add_unpin() = Handle(before);
  }
  v1::Session session;
  grpc::ClientContext context;
  if (!Survived(stubs_->sessions->Touch(&context, touch, &session))) {
    return false;
  }
  Pinned(session);
  return true;
}

}  // namespace mneme
