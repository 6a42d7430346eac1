#ifndef MNEME_TESTS_CLIENT_FAKE_SERVER_H_
#define MNEME_TESTS_CLIENT_FAKE_SERVER_H_

#include <grpcpp/server.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "mneme/v1/models.grpc.pb.h"
#include "mneme/v1/segments.grpc.pb.h"
#include "mneme/v1/sessions.grpc.pb.h"
#include "server/base/mutex.h"
#include "tests/client/error_status.h"
#include "tests/client/fake_session.h"

namespace mneme::testing {

// A small server that keeps the API's contract for `at`, flush and replay, in
// memory, on a loopback port of its own. Its "model" is a function of the
// tokens (FakeSession). Faults strike where a test says. Thread-safe.
class FakeServer {
 public:
  struct Options {
    uint32_t segment_size = 8;
    std::string tokenizer = "bytes";
    // So many of the newest steps are not durable: lost by Kill().
    uint64_t durable_lag = 0;
    // So many handles before the head, and starts of the newest messages, can
    // still be named.
    uint64_t retained = 64;
    // Open refuses more (QUOTA_SESSIONS).
    size_t max_sessions = 1'000'000;
    // What Watch tells after READY, of the sessions asked for. It then ends
    // with this, or, if that is OK, when it is cancelled.
    std::vector<v1::SessionEvent> events;
    grpc::Status watch_end;
  };

  // Strikes the `message`-th message (from 1) that streams send, over all
  // streams and restarts. The call ends with `status`.
  struct Fault {
    int message = 0;
    grpc::Status status;
    // The message was applied, its reply is lost.
    bool after_applying = false;
    // The call ends also with an OK status.
    bool ends_the_stream = false;
  };

  explicit FakeServer(Options options);
  FakeServer() : FakeServer(Options{}) {}
  ~FakeServer();

  std::string address() const;

  // As by kill -9: calls break; tails and what is not durable are gone.
  void Kill();
  // Starts again on the same port.
  void Restart();

  void AddFault(Fault fault);
  // Until Release(), messages wait before they are looked at.
  void Hold();
  void Release();
  // Appends text to a session, as another client would.
  void WriteAsSomebodyElse(const std::string& session_id,
                           const std::string& text);
  // Exports end with `status` after so many chunks of 100 bytes.
  void BreakExports(int after_chunks, grpc::Status status);
  // Exports have a byte of the value changed.
  void CorruptExports();
  // Changes the digest of an applied step: what no honest server does.
  void Corrupt(const std::string& session_id, uint64_t step);

  // All text applied to a session, and its number of steps; empty if unknown.
  std::string TextOf(const std::string& session_id) const;
  uint64_t StepOf(const std::string& session_id) const;
  size_t session_count() const;
  // The sessions that were closed with `erase`.
  std::set<std::string> erased() const {
    MutexLock lock(&mu_);
    return erased_;
  }
  // For each stream, in order of opening: its requests.
  std::vector<std::vector<v1::SegmentRequest>> streams() const;
  // `mneme-session-id` of every call that carried it, in order.
  std::vector<std::string> session_metadata() const;

 private:
  class ModelsService;
  class SessionsService;
  class SegmentsService;

  void Start(int port);
  void NoteMetadata(const grpc::ServerContext& context);
  v1::Model Model() const;
  v1::Session Describe(const FakeSession& session) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Opens a session, unless its id is in use.
  grpc::Status Add(FakeSession session, v1::Session* response)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The step of a value that the session retains: `from`, or its head.
  grpc::Status FindValue(const std::string& session_id, bool has_from,
                         const v1::MemoryHandle& from, uint64_t& step) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // A file in small chunks, or until the fault of BreakExports().
  grpc::Status SendFile(const std::string& file,
                        grpc::ServerWriter<v1::ExportSessionChunk>* writer)
      ABSL_LOCKS_EXCLUDED(mu_);
  // The number of a new stream.
  size_t NewStream() ABSL_LOCKS_EXCLUDED(mu_);
  // One message of a stream, faults included.
  grpc::Status Handle(const v1::SegmentRequest& request, size_t stream,
                      FakePlace& place, v1::SegmentReply& reply, bool& ends)
      ABSL_LOCKS_EXCLUDED(mu_);

  const Options options_;
  mutable Mutex mu_;
  std::condition_variable released_;
  std::map<std::string, FakeSession> sessions_ ABSL_GUARDED_BY(mu_);
  std::set<std::string> erased_ ABSL_GUARDED_BY(mu_);
  std::deque<Fault> faults_ ABSL_GUARDED_BY(mu_);
  std::vector<std::vector<v1::SegmentRequest>> streams_ ABSL_GUARDED_BY(mu_);
  std::vector<std::string> metadata_ ABSL_GUARDED_BY(mu_);
  int messages_ ABSL_GUARDED_BY(mu_) = 0;
  bool held_ ABSL_GUARDED_BY(mu_) = false;
  int export_chunks_ ABSL_GUARDED_BY(mu_) = -1;  // < 0: all
  grpc::Status export_status_ ABSL_GUARDED_BY(mu_);
  bool corrupt_exports_ ABSL_GUARDED_BY(mu_) = false;

  int port_ = 0;
  std::unique_ptr<ModelsService> models_;
  std::unique_ptr<SessionsService> sessions_service_;
  std::unique_ptr<SegmentsService> segments_;
  std::unique_ptr<grpc::Server> server_;  // last: it uses the services
};

}  // namespace mneme::testing

#endif  // MNEME_TESTS_CLIENT_FAKE_SERVER_H_
