#ifndef MNEME_TESTS_SERVER_SCHEDULE_NO_OBSERVER_H_
#define MNEME_TESTS_SERVER_SCHEDULE_NO_OBSERVER_H_

#include "server/schedule/scheduler.h"

namespace mneme {

class NoObserver : public BatchObserver {
 public:
  void OnBatch(const ModelSpec&, int64_t, int64_t, absl::Duration) override {}
};

}  // namespace mneme

#endif  // MNEME_TESTS_SERVER_SCHEDULE_NO_OBSERVER_H_
