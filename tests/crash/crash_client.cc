#include "tests/crash/crash_client.h"

#include <algorithm>
#include <cstring>

#include "gtest/gtest.h"

namespace mneme {
namespace {

using Doing = ExpectedSession::Doing;

// Places that a client remembers; a server retains fewer.
constexpr size_t kHistory = 64;

int64_t LastState(const v1::SegmentResult& result) {
  int64_t state = 0;
  if (result.outputs_size() != 1) return state;
  const std::string& data = result.outputs(0).data();
  if (data.size() < sizeof state) return state;
  std::memcpy(&state, data.data() + data.size() - sizeof state, sizeof state);
  return state;
}

}  // namespace

CrashClient::CrashClient(CurrentServer* servers, ExpectedState* expected,
                         int number)
    : servers_(servers),
      expected_(expected),
      number_(number),
      id_(ExpectedState::SessionId(number)),
      random_(expected->seed() + static_cast<uint64_t>(number)) {}

void CrashClient::Run() {
  const auto written = expected_->Read(number_);
  if (written.ok()) {
    session_ = *written;
  } else {
    ADD_FAILURE() << written.status();
  }
  bool connected = false;
  while (!servers_->stopped() && !::testing::Test::HasFailure()) {
    if (!connected) {
      const auto channel = servers_->After(&generation_);
      if (channel == nullptr) return;
      segments_ = v1::Segments::NewStub(channel);
      sessions_ = v1::Sessions::NewStub(channel);
      tail_ = 0;
    }
    connected = Advance();
  }
  servers_->Stop();
}

bool CrashClient::Advance() {
  switch (session_.doing) {
    case Doing::kOpening:
      return Open();
    case Doing::kNothing:
      return Choose();
    case Doing::kSending:
      return Send();
    case Doing::kRollback:
      return Rollback();
  }
  return false;
}

bool CrashClient::Open() {
  v1::OpenSessionRequest open;
  open.set_session_id(id_);
  open.set_durability(is_async() ? v1::ASYNC : v1::SYNC);
  v1::Session opened;
  grpc::ClientContext context;
  grpc::Status status = sessions_->Open(&context, open, &opened);
  if (status.error_code() == grpc::ALREADY_EXISTS) {  // of a call cut off
    v1::GetSessionRequest get;
    get.set_session_id(id_);
    grpc::ClientContext get_context;
    status = sessions_->Get(&get_context, get, &opened);
  }
  if (!Survived(status)) return false;
  EXPECT_EQ(opened.head().step(), 0u) << id_;
  Place place;
  const std::string& digest = opened.head().digest();
  EXPECT_EQ(digest.size(), place.digest.size());
  std::copy_n(digest.begin(), std::min(digest.size(), place.digest.size()),
              place.digest.begin());
  Acknowledge(place);
  return true;
}

bool CrashClient::Choose() {
  if (random_() % 16 == 0) {
    if (!ChooseRollback()) return false;
  } else {
    ChooseMessage();
  }
  Write();
  return true;
}

bool CrashClient::ChooseRollback() {
  v1::GetSessionRequest get;
  get.set_session_id(id_);
  v1::Session session;
  grpc::ClientContext context;
  if (!Survived(sessions_->Get(&context, get, &session))) return false;
  std::vector<Place> known;
  for (const v1::MemoryHandle& retained : session.retained()) {
    const auto it = history_.find(retained.step());
    if (it == history_.end()) continue;
    EXPECT_EQ(retained.digest(), AsBytes(it->second.digest)) << id_;
    known.push_back(it->second);
  }
  if (known.empty()) return true;
  session_.doing = Doing::kRollback;
  session_.to = known[random_() % known.size()];
  session_.to.branch = session_.place.branch + 1;
  return true;
}

void CrashClient::ChooseMessage() {
  // Now and then more segments than the server retains values.
  const uint64_t most =
      random_() % 8 == 0 ? 40 * kCrashSegment : 3 * kCrashSegment;
  session_.doing = Doing::kSending;
  session_.count = tail_ + 1 + random_() % most;
  session_.flush = random_() % 8 == 0;
}

bool CrashClient::Send() {
  const std::vector<int32_t> tokens =
      TokensAfter(expected_->seed(), number_, session_.place, session_.count);
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
  if (!Survived(segments_->Process(&context, request, &reply))) return false;
  CheckReply(reply, places);
  tail_ = session_.place.tokens + session_.count - places.back().tokens;
  EXPECT_EQ(reply.tail(), tail_) << id_;
  for (const Place& place : places) history_[place.step] = place;
  Acknowledge(places.back());
  return true;
}

void CrashClient::CheckReply(const v1::SegmentReply& reply,
                             const std::vector<Place>& places) {
  ASSERT_EQ(static_cast<size_t>(reply.segments_size()), places.size() - 1)
      << id_;
  for (int i = 0; i < reply.segments_size(); ++i) {
    CheckSegment(reply.segments(i), places[static_cast<size_t>(i) + 1]);
  }
  EXPECT_EQ(reply.head().step(), places.back().step) << id_;
  EXPECT_LE(reply.durable().step(), places.back().step) << id_;
  if (is_async()) return;
  EXPECT_EQ(reply.durable().step(), places.back().step) << id_;
  EXPECT_EQ(reply.durable().digest(), AsBytes(places.back().digest)) << id_;
}

void CrashClient::CheckSegment(const v1::AppliedSegment& segment,
                               const Place& place) {
  const v1::MemoryHandle& handle = segment.result().handle();
  EXPECT_EQ(handle.step(), place.step) << id_;
  EXPECT_EQ(handle.digest(), AsBytes(place.digest)) << id_ << place.step;
  EXPECT_EQ(LastState(segment.result()), place.state)
      << id_ << " at step " << place.step;
  kept_ += segment.source() == v1::AppliedSegment::KEPT;
}

bool CrashClient::Rollback() {
  v1::RollbackSessionRequest request;
  request.set_session_id(id_);
  *request.mutable_to() = Handle(session_.to);
  *request.mutable_expected_head() = Handle(session_.place);
  v1::Session session;
  grpc::ClientContext context;
  if (!Survived(sessions_->Rollback(&context, request, &session))) return false;
  EXPECT_EQ(session.head().step(), session_.to.step) << id_;
  EXPECT_EQ(session.head().digest(), AsBytes(session_.to.digest)) << id_;
  ++rollbacks_;
  tail_ = 0;
  Acknowledge(session_.to);
  return true;
}

void CrashClient::Acknowledge(Place place) {
  session_ = ExpectedSession();
  session_.doing = Doing::kNothing;
  session_.place = place;
  Write();
  history_.erase(history_.upper_bound(place.step), history_.end());
  history_[place.step] = place;
  while (history_.size() > kHistory) history_.erase(history_.begin());
  servers_->Answered();
}

bool CrashClient::Survived(const grpc::Status& status) {
  if (status.ok()) return true;
  EXPECT_EQ(status.error_code(), grpc::UNAVAILABLE)
      << id_ << ": " << status.error_message();
  ++cut_off_;
  return false;
}

v1::MemoryHandle CrashClient::Handle(const Place& place) const {
  v1::MemoryHandle handle;
  handle.set_session_id(id_);
  handle.set_step(place.step);
  handle.set_digest(AsBytes(place.digest).data(), place.digest.size());
  return handle;
}

}  // namespace mneme
