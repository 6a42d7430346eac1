#include "server/session/shared_events.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/base/status_macros.h"
#include "server/session/tombstones.h"

namespace mneme {
namespace {

constexpr absl::Duration kHearInterval = absl::Milliseconds(250);
constexpr absl::Duration kRetry = absl::Seconds(1);
constexpr size_t kAtOnce = 256;

// What an end leaves for ever is its tombstone; here it is a message.
constexpr absl::string_view kEnded = "e";
constexpr absl::string_view kMoved = "m";
constexpr absl::string_view kMissed = "x";
constexpr size_t kMostUntold = 10'000;

std::string EncodeEvent(const SessionEvent& event) {
  const Tombstone fields = {event.key, event.last,
                            event.end.value_or(EndReason::kClosed), event.at};
  return absl::StrCat(event.end.has_value() ? kEnded : kMoved,
                      EncodeTombstone(fields));
}

SharedDirectory::Note Missed() {
  return {std::string(kMissed), std::nullopt, ""};
}

// A closed session is due no more when that is told, and its owner is answered
// after that; of any other a note is not to outlive its erasure.
SharedDirectory::Note NoteOf(const SessionEvent& event) {
  SharedDirectory::Note note = {EncodeEvent(event), std::nullopt,
                                std::string(kMissed)};
  if (event.end != EndReason::kClosed) note.of = event.key;
  return note;
}

// nullopt: of a newer server.
std::optional<SessionEvent> DecodeEvent(absl::string_view note) {
  const absl::string_view kind = note.substr(0, 1);
  if (kind != kEnded && kind != kMoved) return std::nullopt;
  auto fields = DecodeTombstone(note.substr(1));
  if (!fields.ok()) return std::nullopt;
  SessionEvent event = {std::move(fields->key), std::move(fields->last),
                        std::nullopt, fields->at};
  if (kind == kEnded) event.end = fields->reason;
  return event;
}

}  // namespace

void SharedEvents::Publish(const SessionEvent& event, Then then) {
  if (!parts_.writer->shares_store()) {
    parts_.events->Publish(event);
    return std::move(then)();
  }
  Then now;  // what is not to wait
  bool first;
  {
    MutexLock lock(&mu_);
    if (failing_) now.swap(then);
    Add({event.key, NoteOf(event), std::move(then)});
    first = !std::exchange(telling_, true);
  }
  if (now != nullptr) std::move(now)();
  if (first) Ask([this](SharedDirectory* directory) { Tell(directory); });
}

void SharedEvents::Forget(const SessionKey& key) {
  MutexLock lock(&mu_);
  for (Untold& untold : untold_) {
    if (untold.key == key) untold.note = Missed();
  }
}

void SharedEvents::Watch(SessionFilter filter,
                         std::weak_ptr<SessionWatcher> watcher, Watching done) {
  if (!parts_.writer->shares_store()) {
    return std::move(done)(
        parts_.events->Add(std::move(filter), std::move(watcher)));
  }
  Ask([this, filter = std::move(filter), watcher = std::move(watcher),
       done = std::move(done)](SharedDirectory* directory) mutable {
    const absl::Status heard = BeginToHear(directory);
    if (!heard.ok()) return std::move(done)(heard);
    std::move(done)(parts_.events->Add(std::move(filter), std::move(watcher)));
  });
}

void SharedEvents::Stop() {
  MutexLock lock(&mu_);
  stopped_ = true;
}

bool SharedEvents::stopped() {
  MutexLock lock(&mu_);
  return stopped_;
}

void SharedEvents::Ask(DirectoryThread::Question question) {
  parts_.admission->Begin();
  parts_.writer->Ask([this, question = std::move(question)](
                         SharedDirectory* directory) mutable {
    std::exchange(question, nullptr)(directory);
    parts_.admission->End();
  });
}

void SharedEvents::Add(Untold untold) {
  untold_.push_back(std::move(untold));
  if (untold_.size() <= kMostUntold || !failing_) return;
  untold_.pop_front();
  untold_.front().note = Missed();
}

void SharedEvents::Tell(SharedDirectory* directory) {
  std::vector<Untold> untold = TakeUntold();
  std::vector<SharedDirectory::Note> notes;
  notes.reserve(untold.size());
  for (const Untold& one : untold) notes.push_back(one.note);
  const bool told = directory->Tell(notes).ok();
  if (told) Hear(directory).IgnoreError();
  std::vector<Then> thens;
  for (Untold& one : untold) thens.push_back(std::exchange(one.then, nullptr));
  const bool more = OnTold(told, &untold, &thens);
  for (Then& then : thens) {
    if (then != nullptr) std::move(then)();
  }
  if (!more) return;
  auto again = [this] { Ask([this](SharedDirectory* asked) { Tell(asked); }); };
  told ? again()
       : parts_.alarms->Set(parts_.clock->Monotonic() + kRetry, again);
}

std::vector<SharedEvents::Untold> SharedEvents::TakeUntold() {
  MutexLock lock(&mu_);
  std::vector<Untold> taken;
  while (!untold_.empty() && taken.size() < kAtOnce) {
    taken.push_back(std::move(untold_.front()));
    untold_.pop_front();
  }
  return taken;
}

bool SharedEvents::OnTold(bool told, std::vector<Untold>* notes,
                          std::vector<Then>* thens) {
  MutexLock lock(&mu_);
  failing_ = !told;
  if (failing_) {
    for (Untold& one : untold_) {
      thens->push_back(std::exchange(one.then, nullptr));
    }
    untold_.insert(untold_.begin(), std::make_move_iterator(notes->begin()),
                   std::make_move_iterator(notes->end()));
  }
  telling_ = !untold_.empty() && (told || !stopped_);
  return telling_;
}

absl::Status SharedEvents::BeginToHear(SharedDirectory* directory) {
  if (heard().has_value()) return Hear(directory);
  ASSIGN_OR_RETURN(auto found, directory->Hear("", kAtOnce));
  SetHeard(std::move(found.mark));
  HearLater();
  return absl::OkStatus();
}

absl::Status SharedEvents::Hear(SharedDirectory* directory) {
  std::optional<std::string> mark = heard();
  size_t heard_now = kAtOnce;
  while (mark.has_value() && heard_now == kAtOnce) {
    ASSIGN_OR_RETURN(const auto found, directory->Hear(*mark, kAtOnce));
    mark = found.mark;
    SetHeard(mark);
    heard_now = found.notes.size();
    if (found.missed) parts_.events->PublishMissed();
    for (const std::string& note : found.notes) {
      const std::optional<SessionEvent> event = DecodeEvent(note);
      if (event.has_value()) parts_.events->Publish(*event);
      if (note == kMissed) parts_.events->PublishMissed();
    }
  }
  return absl::OkStatus();
}

void SharedEvents::HearLater() {
  parts_.alarms->Set(parts_.clock->Monotonic() + kHearInterval, [this] {
    if (stopped()) return;
    Ask([this](SharedDirectory* directory) { HearOrStop(directory); });
  });
}

void SharedEvents::HearOrStop(SharedDirectory* directory) {
  // What cannot be read now can be the next time.
  const bool heard_all = Hear(directory).ok();
  heard_all && !parts_.events->watched() ? SetHeard(std::nullopt) : HearLater();
}

void SharedEvents::SetHeard(std::optional<std::string> mark) {
  MutexLock lock(&mu_);
  heard_ = std::move(mark);
}

std::optional<std::string> SharedEvents::heard() {
  MutexLock lock(&mu_);
  return heard_;
}

}  // namespace mneme
