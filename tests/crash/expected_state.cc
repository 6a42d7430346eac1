#include "tests/crash/expected_state.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

// Every line has this length, padded with blanks; line 0 is the run's.
constexpr size_t kLine = 400;
constexpr size_t kPlaceWords = 5;
constexpr size_t kWords = 4 + 2 * kPlaceWords;

using Words = std::vector<std::string>;

std::string PlaceText(const Place& place) {
  return absl::StrCat(place.step, " ",
                      absl::BytesToHexString(AsBytes(place.digest)), " ",
                      place.tokens, " ", place.state, " ", place.branch);
}

bool ReadPlace(const Words& words, size_t at, Place* place) {
  const std::string digest = absl::HexStringToBytes(words[at + 1]);
  if (digest.size() != place->digest.size()) return false;
  std::copy(digest.begin(), digest.end(), place->digest.begin());
  return absl::SimpleAtoi(words[at], &place->step) &&
         absl::SimpleAtoi(words[at + 2], &place->tokens) &&
         absl::SimpleAtoi(words[at + 3], &place->state) &&
         absl::SimpleAtoi(words[at + 4], &place->branch);
}

void WriteLine(int file, size_t number, std::string line) {
  line.resize(kLine - 1, ' ');
  line.push_back('\n');
  EXPECT_EQ(pwrite(file, line.data(), line.size(),
                   static_cast<off_t>(number * kLine)),
            static_cast<ssize_t>(line.size()));
}

absl::StatusOr<Words> ReadLine(int file, size_t number, size_t words) {
  std::string line(kLine, '\0');
  const ssize_t size =
      pread(file, line.data(), kLine, static_cast<off_t>(number * kLine));
  line.resize(static_cast<size_t>(std::max<ssize_t>(size, 0)));
  Words found = absl::StrSplit(line, absl::ByAnyChar(" \n"), absl::SkipEmpty());
  if (found.size() == words) return found;
  return absl::DataLossError(absl::StrCat("line ", number,
                                          " of the expected state: '", line,
                                          "', expected ", words, " words"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ExpectedState>> ExpectedState::Open(
    const std::string& path, uint64_t seed, int sessions) {
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) return absl::UnavailableError(absl::StrCat("no file ", path));
  const bool is_new = lseek(file, 0, SEEK_END) == 0;
  if (is_new) {
    for (int i = 0; i < sessions; ++i) {
      ExpectedState(dup(file), seed, sessions).Write(i, ExpectedSession());
    }
    // Last: a file with this line is whole.
    WriteLine(file, 0, absl::StrCat("seed ", seed, " sessions ", sessions));
  } else {
    ASSIGN_OR_RETURN(const Words words, ReadLine(file, 0, 4));
    if (!absl::SimpleAtoi(words[1], &seed) ||
        !absl::SimpleAtoi(words[3], &sessions)) {
      return absl::DataLossError(absl::StrCat(path, ": its first line"));
    }
  }
  return absl::WrapUnique(new ExpectedState(file, seed, sessions));
}

ExpectedState::~ExpectedState() { close(file_); }

std::string ExpectedState::SessionId(int number) {
  return absl::StrCat("session-", number);
}

void ExpectedState::Write(int number, const ExpectedSession& session) {
  const char doing = static_cast<char>(session.doing);
  std::string line =
      absl::StrCat(SessionId(number), " ", PlaceText(session.place), " ",
                   absl::string_view(&doing, 1), " ", session.count, " ",
                   static_cast<int>(session.flush), " ", PlaceText(session.to));
  MutexLock lock(&mu_);
  WriteLine(file_, static_cast<size_t>(number) + 1, std::move(line));
}

absl::StatusOr<ExpectedSession> ExpectedState::Read(int number) const {
  Words words;
  {
    MutexLock lock(&mu_);
    ASSIGN_OR_RETURN(words,
                     ReadLine(file_, static_cast<size_t>(number) + 1, kWords));
  }
  ExpectedSession session;
  session.doing = static_cast<ExpectedSession::Doing>(words[6][0]);
  session.flush = words[8] == "1";
  if (words[0] == SessionId(number) && ReadPlace(words, 1, &session.place) &&
      absl::SimpleAtoi(words[7], &session.count) &&
      ReadPlace(words, 9, &session.to)) {
    return session;
  }
  return absl::DataLossError(
      absl::StrCat("the expected state of ", SessionId(number)));
}

std::vector<Place> ExpectedState::PossiblePlaces(
    int number, const ExpectedSession& session) const {
  switch (session.doing) {
    case ExpectedSession::Doing::kOpening:
    case ExpectedSession::Doing::kNothing:
      return {session.place};
    case ExpectedSession::Doing::kSending:
      return PlacesOf(session.place,
                      TokensAfter(seed_, number, session.place, session.count),
                      session.flush);
    case ExpectedSession::Doing::kRollback:
      return {session.place, session.to};
  }
  return {};
}

}  // namespace mneme
