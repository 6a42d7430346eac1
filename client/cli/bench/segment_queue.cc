#include "client/cli/bench/segment_queue.h"

#include <utility>

namespace mneme::cli {

void SegmentQueue::Send(absl::Duration now) {
  under_way_.push_back({due_.front(), now, absl::ZeroDuration()});
  due_.pop_front();
}

SegmentTimes SegmentQueue::Oldest(absl::Duration now) const {
  SegmentTimes times = under_way_.front();
  times.answered = now;
  return times;
}

std::deque<SegmentTimes> SegmentQueue::DropUnderWay(absl::Duration now) {
  std::deque<SegmentTimes> dropped = std::exchange(under_way_, {});
  for (SegmentTimes& times : dropped) times.answered = now;
  return dropped;
}

std::deque<SegmentTimes> SegmentQueue::DropDue(absl::Duration now) {
  std::deque<SegmentTimes> dropped;
  for (absl::Duration due : due_) dropped.push_back({due, now, now});
  due_.clear();
  return dropped;
}

}  // namespace mneme::cli
