#include "tests/crash/expected_state.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

// Every line has this length, padded with blanks; line 0 is the run's.
constexpr size_t kLine = 600;
constexpr size_t kPlaceWords = 5;
constexpr size_t kWords = 6 + 3 * kPlaceWords;

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
    const std::string& path, uint64_t seed, int slots) {
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) return absl::UnavailableError(absl::StrCat("no file ", path));
  const bool is_new = lseek(file, 0, SEEK_END) == 0;
  if (is_new) {
    for (int i = 0; i < slots; ++i) {
      ExpectedState(dup(file), seed, slots).Write(i, ExpectedSession());
    }
    // Last: a file with this line is whole.
    WriteLine(file, 0, absl::StrCat("seed ", seed, " slots ", slots));
  } else {
    ASSIGN_OR_RETURN(const Words words, ReadLine(file, 0, 4));
    if (!absl::SimpleAtoi(words[1], &seed) ||
        !absl::SimpleAtoi(words[3], &slots)) {
      return absl::DataLossError(absl::StrCat(path, ": its first line"));
    }
  }
  return absl::WrapUnique(new ExpectedState(file, seed, slots));
}

ExpectedState::~ExpectedState() { close(file_); }

std::string ExpectedState::SessionId(int slot, uint64_t generation) {
  return absl::StrFormat("slot%d-%08d.", slot, generation);
}

SessionEnd ExpectedState::EndOf(int slot, uint64_t generation) const {
  std::seed_seq session{seed_, static_cast<uint64_t>(slot), generation};
  std::minstd_rand random(session);
  return static_cast<SessionEnd>(random() % 3);
}

void ExpectedState::Write(int slot, const ExpectedSession& session) {
  const char doing = static_cast<char>(session.doing);
  std::string line = absl::StrCat(
      "slot", slot, " ", session.generation, " ", session.stream, " ",
      absl::string_view(&doing, 1), " ", session.count, " ",
      static_cast<int>(session.flush), " ", PlaceText(session.place), " ",
      PlaceText(session.to), " ", PlaceText(session.pinned));
  MutexLock lock(&mu_);
  WriteLine(file_, static_cast<size_t>(slot) + 1, std::move(line));
}

absl::StatusOr<ExpectedSession> ExpectedState::Read(int slot) const {
  Words words;
  {
    MutexLock lock(&mu_);
    ASSIGN_OR_RETURN(words,
                     ReadLine(file_, static_cast<size_t>(slot) + 1, kWords));
  }
  ExpectedSession session;
  session.doing = static_cast<ExpectedSession::Doing>(words[3][0]);
  session.flush = words[5] == "1";
  if (words[0] == absl::StrCat("slot", slot) &&
      absl::SimpleAtoi(words[1], &session.generation) &&
      absl::SimpleAtoi(words[2], &session.stream) &&
      absl::SimpleAtoi(words[4], &session.count) &&
      ReadPlace(words, 6, &session.place) &&
      ReadPlace(words, 6 + kPlaceWords, &session.to) &&
      ReadPlace(words, 6 + 2 * kPlaceWords, &session.pinned)) {
    return session;
  }
  return absl::DataLossError(absl::StrCat("the expected state of slot", slot));
}

std::vector<Place> ExpectedState::PossiblePlaces(
    const ExpectedSession& session) const {
  switch (session.doing) {
    case ExpectedSession::Doing::kSending:
      return PlacesOf(
          session.place,
          TokensAfter(seed_, session.stream, session.place, session.count),
          session.flush);
    case ExpectedSession::Doing::kRollback:
      return {session.place, session.to};
    case ExpectedSession::Doing::kForking:
      return {session.to};
    default:
      return {session.place};
  }
}

}  // namespace mneme
