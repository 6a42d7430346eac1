// The part of SessionManager that makes room where the table is full.

#include <memory>
#include <utility>

#include "server/session/session_manager.h"

namespace mneme {
namespace {

// The table looks at some sessions at a time; so many times.
constexpr int kLooks = 16;

}  // namespace

void SessionManager::MakeRoom(Ended then) {
  if (LetGoOfOne()) return std::move(then)(true);
  const absl::Duration before =
      context_.clock->Monotonic() - context_.limits.evict_unused;
  for (int i = 0; i < kLooks; ++i) {
    const auto session = table_.FindUnused(/*shared=*/false, {before, before});
    if (session != nullptr) return Evict(session, before, std::move(then));
  }
  std::move(then)(false);
}

bool SessionManager::LetGoOfOne() {
  if (!context_.writer->shares_store()) return false;
  const absl::Duration now = context_.clock->Monotonic();
  const Session::UnusedSince unused = {
      now, now - kTailKept * context_.limits.keep_unused};
  for (int i = 0; i < kLooks; ++i) {
    const auto session = table_.FindUnused(/*shared=*/true, unused);
    if (session == nullptr || !session->RetireIf(unused)) continue;
    LetGo(*session);
    return true;
  }
  return false;
}

void SessionManager::Evict(const std::shared_ptr<Session>& session,
                           absl::Duration before, Ended then) {
  auto counted = std::make_shared<Ended>(Counted<bool>(
      [then = std::move(then)](absl::StatusOr<bool> ended) mutable {
        std::move(then)(*ended);
      }));
  const bool closed = session->CloseIfUnusedSince(
      before, [this, session, counted](const absl::Status& /*ok*/) {
        expiry_.Erase(session);  // the id is still taken
        Bury(session, EndReason::kEvicted, std::move(*counted));
      });
  if (!closed) std::move (*counted)(true);  // it was used just now; once more
}

}  // namespace mneme
