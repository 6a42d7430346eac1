#ifndef MNEME_SERVER_SCHEDULE_WAITING_ROOM_H_
#define MNEME_SERVER_SCHEDULE_WAITING_ROOM_H_

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace mneme {

// A bounded number of places, of which one tenant can have only a part, so that
// one that floods the server leaves room for the others. A server that has seen
// a single tenant lets it have all of them. Thread-compatible.
class WaitingRoom {
 public:
  struct Options {
    int64_t places = 16384;
    // What one tenant can have of them, 0 to 1; at least one place.
    double tenant_part = 0.5;
    // For errors: "<what> is full: <size> <who>".
    absl::string_view what = "the server's queue";
    absl::string_view who = "segments wait";
  };

  explicit WaitingRoom(const Options& options) : options_(options) {}

  // Takes a place. RESOURCE_EXHAUSTED (QUEUE_FULL): there is none, or none for
  // this tenant; then the metadata `tenant_bound` says how many it can have.
  absl::Status Enter(absl::string_view tenant);
  void Leave(absl::string_view tenant);

  int64_t size() const { return size_; }

 private:
  int64_t TenantBound() const;

  const Options options_;
  int64_t size_ = 0;
  absl::flat_hash_map<std::string, int64_t> held_;  // by tenant; not 0
  absl::optional<std::string> first_;               // tenant that was seen
  bool several_ = false;                            // another one was, too
};

}  // namespace mneme

#endif  // MNEME_SERVER_SCHEDULE_WAITING_ROOM_H_
