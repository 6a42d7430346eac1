#ifndef MNEME_TESTS_CRASH_STORED_STEPS_H_
#define MNEME_TESTS_CRASH_STORED_STEPS_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "server/store/memory_store.h"

namespace mneme {

// The step that each session has, by session id.
using Steps = std::map<std::string, int>;

// Reads a store whose sessions were written with StepCommit (tenant "default"):
// the step of each. DATA_LOSS where anything is torn: a corrupt record, a
// record that is not its step's, an object missing, different, or left over.
absl::StatusOr<Steps> ReadStoredSteps(MemoryStore* store);

}  // namespace mneme

#endif  // MNEME_TESTS_CRASH_STORED_STEPS_H_
