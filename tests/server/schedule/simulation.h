#ifndef MNEME_TESTS_SERVER_SCHEDULE_SIMULATION_H_
#define MNEME_TESTS_SERVER_SCHEDULE_SIMULATION_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <queue>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "server/schedule/batch_policy.h"

namespace mneme {

// Sessions that send a segment, wait for its answer, and after a while send the
// next: a fixed time and an exponential one on top.
struct SessionGroup {
  int64_t count = 1;
  std::string tenant = "default";
  Priority priority = Priority::kNormal;
  absl::Duration away;
  absl::Duration jitter;  // the mean of the exponential one
  absl::Duration timeout = absl::InfiniteDuration();
  int64_t segments = std::numeric_limits<int64_t>::max();  // then it stops
  int model = 0;
  int64_t tokens = 512;
};

// How long a batch takes.
struct StepTime {
  absl::Duration fixed;
  absl::Duration row;
  absl::Duration Of(int64_t rows) const { return fixed + rows * row; }
};

struct SimulationOptions {
  BatchPolicyOptions batch;
  FairShare::Weights weights;
  // Without it all tenants are one, and nothing is fair.
  bool fair = true;
  StepTime step;
  double step_jitter = 0.05;  // of a step's time, up or down
  size_t depth = 2;           // batches on the device and behind it
  absl::Duration length = absl::Minutes(2);
  absl::Duration warm_up = absl::Seconds(2);  // not reported
  uint64_t seed = 1;
};

// What was seen after the warm-up.
struct GroupReport {
  std::vector<absl::Duration> latencies;  // from submit to answer, sorted
  int64_t dropped = 0;
  int64_t late = 0;  // ran, and was done after its deadline
  absl::Duration Percentile(double part) const;
};
struct SimulationReport {
  std::vector<GroupReport> groups;
  int64_t batches = 0;
  int64_t rows = 0;
  absl::Duration busy;  // of the device
  int64_t decisions = 0;
  double MeanBatch() const {
    return static_cast<double>(rows) / static_cast<double>(batches);
  }
};

// A discrete-event simulation of the scheduler: the batch policy with all that
// it is told, a device, and sessions; no threads, no clock but its own, the
// same for the same seed.
class Simulation {
 public:
  explicit Simulation(SimulationOptions options);
  void Add(const SessionGroup& group);
  SimulationReport Run();

 private:
  enum class Kind { kSubmit, kDone, kAsk };
  struct Event {
    absl::Duration at;
    int64_t order;  // of those at the same time
    Kind kind;
    size_t session;  // kSubmit
    int64_t ask;     // kAsk: which one; the newest counts
    bool operator>(const Event& other) const {
      return std::tie(at, order) > std::tie(other.at, other.order);
    }
  };
  struct Session {
    size_t group;
    int64_t left;
    absl::Duration submitted;
  };
  struct Batch {
    const void* model;
    std::vector<size_t> sessions;
    int64_t tokens = 0;
    absl::Duration started;
    absl::Duration expected;
  };

  void Push(absl::Duration at, Kind kind, size_t session = 0);
  double Uniform();
  absl::Duration Away(const SessionGroup& group);
  bool Reports() const { return now_ >= options_.warm_up; }

  void Submit(size_t session);
  void Done();
  void Ask();
  BatchDecision Decide();
  void Drop(const std::vector<size_t>& indices);
  void Launch(const std::vector<size_t>& indices);
  void StartNext();
  void Remove(std::vector<size_t> indices);
  void GoAway(size_t session);

  const SimulationOptions options_;
  std::mt19937_64 random_;
  FairShare shares_;
  StepEstimate steps_;
  ReturnEstimate returns_;
  std::vector<SessionGroup> groups_;
  std::vector<Session> sessions_;

  absl::Duration now_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  int64_t pushed_ = 0;
  std::vector<WaitingSegment> queue_;
  std::vector<size_t> queued_;  // their sessions
  int64_t arrivals_wanted_ = 1;
  int64_t newest_ask_ = 0;
  std::deque<Batch> device_;
  absl::Duration free_since_;
  SimulationReport report_;
};

}  // namespace mneme

#endif  // MNEME_TESTS_SERVER_SCHEDULE_SIMULATION_H_
