#include "tests/crash/crash_client.h"

#include "gtest/gtest.h"

namespace mneme {

CrashClient::CrashClient(CurrentServer* servers, ExpectedState* expected,
                         int number, const std::string& store)
    : servers_(servers),
      first_(expected, 2 * number, store, &counts_),
      second_(expected, 2 * number + 1, store, &counts_),
      random_(expected->seed() * 100 + static_cast<uint64_t>(number)) {
  first_.Load(&second_);
  second_.Load(&first_);
}

void CrashClient::Run() {
  bool connected = false;
  while (!servers_->stopped() && !::testing::Test::HasFailure()) {
    if (!connected) {
      const auto channel = servers_->After(&generation_);
      if (channel == nullptr) return;
      stubs_ = std::make_unique<CrashStubs>(channel);
      first_.Connect(stubs_.get());
      second_.Connect(stubs_.get());
    }
    connected = Advance();
  }
  servers_->Stop();
}

bool CrashClient::Advance() {
  const bool is_first = random_() % 2 == 0;
  CrashSession& session = is_first ? first_ : second_;
  CrashSession& sibling = is_first ? second_ : first_;
  if (!first_.is_busy() && !second_.is_busy() && !Choose(session, sibling)) {
    return false;
  }
  for (CrashSession* one : {&first_, &second_}) {
    if (!one->is_busy()) continue;
    if (!one->Advance()) return false;
    servers_->Answered();
  }
  return true;
}

bool CrashClient::Choose(CrashSession& session, CrashSession& sibling) {
  const uint64_t what = random_() % 12;
  if (!session.is_there()) {
    if (!sibling.is_there() || what == 0) {
      session.ChooseOpen();
      return true;
    }
    // The sibling goes on for a while before it is forked.
    if (what < 8) return session.ChooseFork();
    sibling.ChooseMessage();
    return true;
  }
  if (what == 0) return session.ChooseRollback();
  if (what == 1) return session.ChoosePin();
  what == 2 ? session.ChooseEnd() : session.ChooseMessage();
  return true;
}

}  // namespace mneme
