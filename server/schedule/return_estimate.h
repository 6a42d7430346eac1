#ifndef MNEME_SERVER_SCHEDULE_RETURN_ESTIMATE_H_
#define MNEME_SERVER_SCHEDULE_RETURN_ESTIMATE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"

namespace mneme {

// Who will be back, and when: what a batch could wait for. Learned from the
// times between a segment's answer and its session's next segment, of which
// there is a histogram for each model, so that sessions that come back at once,
// those that think for long and those that never return are told apart by what
// they did, not by a guess at their mean. A session away for a second is given
// up.
//
// Thread-compatible; the scheduler's thread owns it.
class ReturnEstimate {
 public:
  // A segment of `session` (only compared) was answered. To be told before the
  // session can know, and with one `now` for a whole batch.
  void Answered(const void* model, const void* session, absl::Duration now);
  // The session submitted its next segment.
  void Returned(const void* session, absl::Duration now);

  // How many of the model's sessions that are away at `now` will be back by
  // `until`, on average.
  double Expected(const void* model, absl::Duration now,
                  absl::Duration until) const;
  // The chance that a session is back so soon after its answer.
  double Chance(const void* model, absl::Duration within) const;

 private:
  static constexpr size_t kBins = 64;

  // Times until the return, in bins four to a doubling.
  struct Histogram {
    std::array<double, kBins> back{};
    double never = 0;
    double total = 0;

    void Add(double* bin, double count);
    double Below(absl::Duration time) const;  // the part of the total
  };
  // Sessions that were answered together, or nearly so.
  struct Group {
    absl::Duration answered;
    int64_t away = 0;
  };
  struct Model {
    Histogram times;
    std::deque<Group> groups;  // those not given up, oldest first
    uint64_t first = 0;        // the number of the front one
  };
  struct Session {
    const void* model = nullptr;
    uint64_t group = 0;
    absl::Duration answered;
  };

  static size_t BinOf(absl::Duration time);
  // The session is not away any more; nullopt: it was not, or was given up.
  std::optional<Session> Withdraw(const void* session);
  // Gives up the sessions that are away for too long.
  static void Expire(Model* model, absl::Duration now);
  void ForgetLost();

  absl::flat_hash_map<const void*, Model> models_;
  absl::flat_hash_map<const void*, Session> away_;  // and some given up
  size_t forget_at_ = 1024;                         // sessions
};

}  // namespace mneme

#endif  // MNEME_SERVER_SCHEDULE_RETURN_ESTIMATE_H_
