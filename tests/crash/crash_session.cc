#include "tests/crash/crash_session.h"

#include <algorithm>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/crash/wire_place.h"

namespace mneme {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Places that a client remembers; a server retains fewer.
constexpr size_t kHistory = 64;

}  // namespace

CrashSession::CrashSession(ExpectedState* expected, int slot, std::string store,
                           CrashCounts* counts)
    : expected_(expected),
      slot_(slot),
      store_(std::move(store)),
      counts_(counts),
      random_(expected->seed() + static_cast<uint64_t>(slot)) {}

void CrashSession::Load(CrashSession* sibling) {
  sibling_ = sibling;
  const auto written = expected_->Read(slot_);
  if (!written.ok()) {
    ADD_FAILURE() << written.status();
    return;
  }
  session_ = *written;
  id_ = ExpectedState::SessionId(slot_, session_.generation);
  if (is_there()) history_[session_.place.step] = session_.place;
}

void CrashSession::Connect(const CrashStubs* stubs) {
  stubs_ = stubs;
  tail_ = 0;
  is_cut_off_ = is_busy();
}

bool CrashSession::is_there() const {
  return session_.doing != Doing::kAbsent &&
         session_.doing != Doing::kOpening && session_.doing != Doing::kForking;
}

bool CrashSession::is_busy() const {
  return session_.doing != Doing::kAbsent && session_.doing != Doing::kNothing;
}

void CrashSession::ChooseOpen() {
  session_.doing = Doing::kOpening;
  session_.stream = OwnStream();
  Write();
}

bool CrashSession::ChooseFork() {
  std::vector<Place> places;
  if (!sibling_->Known(&places)) return false;
  session_.doing = Doing::kForking;
  session_.to = places[Draw(places.size())];
  session_.stream = OwnStream();
  // Now and then what its sibling sends: they share steps.
  if (Draw(4) == 0) session_.stream = sibling_->session_.stream;
  Write();
  return true;
}

void CrashSession::ChooseMessage() {
  // Now and then more segments than the server retains values.
  const uint64_t most = Draw(8) == 0 ? 40 * kCrashSegment : 3 * kCrashSegment;
  session_.doing = Doing::kSending;
  session_.count = tail_ + 1 + Draw(most);
  session_.flush = Draw(8) == 0;
  Write();
}

bool CrashSession::ChooseRollback() {
  std::vector<Place> places;
  if (!Known(&places)) return false;
  session_.doing = Doing::kRollback;
  session_.to = places[Draw(places.size())];
  session_.to.branch = session_.place.branch + 1;
  Write();
  return true;
}

bool CrashSession::ChoosePin() {
  std::vector<Place> places;
  if (!Known(&places)) return false;
  session_.to = places[Draw(places.size())];
  if (session_.to.step == 0) return true;  // that stands for none
  session_.doing = Doing::kPinning;
  Write();
  return true;
}

void CrashSession::ChooseEnd() {
  session_.doing = Doing::kEnding;
  Write();
}

bool CrashSession::Known(std::vector<Place>* places) {
  v1::Session session;
  if (!Survived(Look(&session))) return false;
  for (const v1::MemoryHandle& retained : session.retained()) {
    const auto it = history_.find(retained.step());
    const bool is_pinned = IsAt(retained, session_.pinned);
    if (it == history_.end() && !is_pinned) continue;
    const Place& place = is_pinned ? session_.pinned : it->second;
    EXPECT_EQ(retained.digest(), AsBytes(place.digest)) << id_;
    places->push_back(place);
  }
  EXPECT_FALSE(places->empty()) << id_;
  return !places->empty();
}

bool CrashSession::Advance() {
  if (is_cut_off_ && !Settle()) return false;
  switch (session_.doing) {
    case Doing::kAbsent:
    case Doing::kNothing:
      return true;
    case Doing::kOpening:
      return Open();
    case Doing::kForking:
      return Fork();
    case Doing::kSending:
      return Send();
    case Doing::kRollback:
      return Rollback();
    case Doing::kPinning:
      return Pin();
    case Doing::kEnding:
      return End();
  }
  return false;
}

bool CrashSession::Settle() {
  // A message is sent again for its answer. Of a rollback a retry must know.
  // End() settles for itself.
  const bool asks_again = session_.doing == Doing::kSending ||
                          session_.doing == Doing::kEnding ||
                          (session_.doing == Doing::kRollback && Draw(2) == 0);
  if (asks_again) return true;
  v1::Session session;
  const grpc::Status status = Look(&session);
  if (status.error_code() == grpc::NOT_FOUND && !is_there()) return true;
  if (!Survived(status)) return false;
  if (is_there() && !IsDone(session)) return true;
  ++counts_->resolved;
  if (session_.doing == Doing::kRollback) {
    RolledBack(session);
  } else if (session_.doing == Doing::kPinning) {
    Pinned(session);
  } else {
    Began(session);
  }
  return true;
}

bool CrashSession::IsDone(const v1::Session& session) const {
  if (session_.doing == Doing::kRollback) {
    return IsAt(session.head(), session_.to) && session.tail() == 0;
  }
  return session.pinned_size() == 1 && IsAt(session.pinned(0), session_.to);
}

grpc::Status CrashSession::Look(v1::Session* session) {
  v1::GetSessionRequest get;
  get.set_session_id(id_);
  grpc::ClientContext context;
  return stubs_->sessions->Get(&context, get, session);
}

void CrashSession::Began(const v1::Session& session) {
  Place place = session_.to;
  if (session_.doing == Doing::kOpening) {
    place = Place();
    const std::string& digest = session.head().digest();
    EXPECT_EQ(digest.size(), place.digest.size());
    std::copy_n(digest.begin(), std::min(digest.size(), place.digest.size()),
                place.digest.begin());
  }
  EXPECT_TRUE(IsAt(session.head(), place)) << id_;
  EXPECT_THAT(StepsOf(session.retained()), ElementsAre(place.step)) << id_;
  EXPECT_THAT(StepsOf(session.pinned()), IsEmpty()) << id_;
  Acknowledge(place);
}

void CrashSession::RolledBack(const v1::Session& session) {
  EXPECT_TRUE(IsAt(session.head(), session_.to)) << id_;
  EXPECT_EQ(session.tail(), 0u) << id_;
  tail_ = 0;
  ++counts_->rollbacks;
  if (session_.pinned.step > session_.to.step) session_.pinned = Place();
  EXPECT_EQ(session.pinned_size(), session_.pinned.step > 0 ? 1 : 0) << id_;
  history_.erase(history_.upper_bound(session_.to.step), history_.end());
  Acknowledge(session_.to);
}

void CrashSession::Pinned(const v1::Session& session) {
  EXPECT_THAT(StepsOf(session.pinned()), ElementsAre(session_.to.step)) << id_;
  session_.pinned = session_.to;
  ++counts_->pins;
  Acknowledge(session_.place);
}

void CrashSession::Acknowledge(Place place) {
  const ExpectedSession before = session_;
  session_ = ExpectedSession();
  session_.generation = before.generation;
  session_.stream = before.stream;
  session_.pinned = before.pinned;
  session_.doing = Doing::kNothing;
  session_.place = place;
  is_cut_off_ = false;
  Write();
  history_[place.step] = place;
  while (history_.size() > kHistory) history_.erase(history_.begin());
}

bool CrashSession::Survived(const grpc::Status& status) {
  if (status.ok()) return true;
  EXPECT_EQ(status.error_code(), grpc::UNAVAILABLE)
      << id_ << ": " << status.error_message();
  ++counts_->cut_off;
  return false;
}

v1::MemoryHandle CrashSession::Handle(const Place& place) const {
  v1::MemoryHandle handle;
  handle.set_session_id(id_);
  handle.set_step(place.step);
  handle.set_digest(AsBytes(place.digest).data(), place.digest.size());
  return handle;
}

}  // namespace mneme
