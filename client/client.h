#ifndef MNEME_CLIENT_CLIENT_H_
#define MNEME_CLIENT_CLIENT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/segment_message.h"
#include "client/session_info.h"
#include "client/session_stream.h"
#include "client/session_watch.h"
#include "client/timer.h"

namespace mneme::client {

// One server, over one connection that comes back by itself. Thread-safe; must
// outlive its streams' creation only: they share what they need. The calls
// block, unless they take a Done; streams do not (SessionStream). Errors carry
// ErrorDetails.
class Client {
 public:
  struct Options {
    std::string server = "127.0.0.1:7450";
    // Sent as `mneme-tenant`, for servers that trust it; empty: not sent.
    std::string tenant;
    // How long a call may take.
    absl::Duration call_timeout = absl::Seconds(20);
    // How long an export or an import may take: their size is the session's.
    absl::Duration transfer_timeout = absl::Minutes(10);
    // How long a connection may be silent before it is tested, and then how
    // long until it counts as broken: a server that is gone without a word, as
    // after a power loss, is noticed on an idle stream too. `mnemed` allows a
    // test every 10 s.
    absl::Duration keepalive = absl::Seconds(20);
    absl::Duration keepalive_timeout = absl::Seconds(10);
    // For the waits between a stream's attempts; null: its own thread on the
    // real clock.
    std::shared_ptr<Timer> timer;
  };

  struct SessionPage {
    std::vector<SessionInfo> sessions;
    std::string next_page_token;  // empty on the last page
  };

  // Each unless it is empty.
  struct SessionFilter {
    std::string model;
    std::string id_prefix = {};
  };

  // Called once, with the result, by one of gRPC's threads: must not block. The
  // client must live until then.
  template <typename Result>
  using Done = absl::AnyInvocable<void(absl::StatusOr<Result>) &&>;

  // Does not connect yet. INVALID_ARGUMENT for options that cannot be.
  static absl::StatusOr<std::unique_ptr<Client>> Create(Options options);
  ~Client();

  absl::StatusOr<std::vector<ModelInfo>> ListModels();
  absl::StatusOr<ModelInfo> GetModel(const std::string& name);

  // Draws a session id where `spec` has none.
  absl::StatusOr<SessionInfo> OpenSession(SessionSpec spec);
  void OpenSession(SessionSpec spec, Done<SessionInfo> done);
  absl::StatusOr<SessionInfo> GetSession(const std::string& session_id);
  // A page of the tenant's sessions, by id: of those that are wanted.
  absl::StatusOr<SessionPage> ListSessions(const SessionFilter& wanted,
                                           const std::string& page_token);
  // Ends the session; the head at its end.
  absl::StatusOr<MemoryHandle> CloseSession(const std::string& session_id);
  void CloseSession(const std::string& session_id, Done<MemoryHandle> done);

  // The same, after which no file of the server's store has anything of it;
  // also for one that has expired. May take longer than call_timeout, which
  // does not hold for it. To be tried again until it is OK or NOT_FOUND.
  absl::StatusOr<MemoryHandle> EraseSession(const std::string& session_id);
  void EraseSession(const std::string& session_id, Done<MemoryHandle> done);

  // Tells when sessions of the tenant end: these, or all if there are none.
  // Does not wait for the server: what is wrong, the first Next() says.
  absl::StatusOr<std::unique_ptr<SessionWatch>> WatchSessions(
      const std::vector<std::string>& session_ids);

  // Takes the session back to `to`, which it retains: what came after is
  // forgotten. ABORTED if its head is another than `expected_head`, unless that
  // is null or the session is at `to` already. No stream of it may be open.
  absl::StatusOr<SessionInfo> RollbackSession(
      const MemoryHandle& to, const MemoryHandle* expected_head = nullptr);

  // Keeps the session alive: its idle_ttl begins anew. And changes it.
  absl::StatusOr<SessionInfo> TouchSession(const std::string& session_id,
                                           const SessionChanges& changes = {});

  // Makes a session that begins with a value that `session_id` retains: `from`,
  // or its head where that is null. Draws an id where `fork_id` is empty; to be
  // able to try again after a lost reply, name one (then ALREADY_EXISTS).
  absl::StatusOr<SessionInfo> ForkSession(const std::string& session_id,
                                          const std::string& fork_id = "",
                                          const MemoryHandle* from = nullptr);

  // Gives `sink` a value of the session, `from` or its head, as a safetensors
  // file, piece by piece; the file is whole only if the call returns OK. An
  // error of `sink` ends the call and is returned.
  absl::Status ExportSession(
      const std::string& session_id, const MemoryHandle* from,
      absl::FunctionRef<absl::Status(absl::string_view)> sink);

  // Makes a session of a file that was exported, which `next_piece` gives: at
  // most 1 MiB at a time, nothing at the end. Its errors end the call and are
  // returned; no session is made then. Draws a session id where `spec` has
  // none. The memory policy is the file's, not that of `spec`.
  absl::StatusOr<SessionInfo> ImportSession(
      SessionSpec spec,
      absl::FunctionRef<absl::StatusOr<std::string>()> next_piece);

  // Starts the stream of one session. `handler` must live until its OnDone
  // returned.
  absl::StatusOr<std::unique_ptr<SessionStream>> Stream(StreamOptions options,
                                                        StreamHandler* handler);

  // Applies one message by a call of its own (Segments.Process). Retries
  // nothing: the same message can be sent again.
  void Process(const SegmentMessage& message, Done<StreamReply> done);

  const std::string& server() const;

 private:
  struct Impl;
  explicit Client(std::unique_ptr<Impl> impl);

  void StartClose(const std::string& session_id, bool erase,
                  absl::Duration timeout, Done<MemoryHandle> done);

  const std::unique_ptr<Impl> impl_;
};

// 128 random bits as hex. Thread-safe.
std::string NewSessionId();

}  // namespace mneme::client

#endif  // MNEME_CLIENT_CLIENT_H_
