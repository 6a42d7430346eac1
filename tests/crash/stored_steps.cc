#include "tests/crash/stored_steps.h"

#include <algorithm>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/base/status_macros.h"
#include "server/store/commit_check.h"
#include "tests/server/store/store_builders.h"

namespace mneme {
namespace {

absl::Status Torn(const SessionKey& session, absl::string_view what) {
  return absl::DataLossError(absl::StrCat(Describe(session), ": ", what));
}

absl::StatusOr<int> StepOf(const StoredRecord& stored) {
  const std::vector<std::string> words = absl::StrSplit(stored.bytes, ' ');
  int step = -1;
  if (!absl::SimpleAtoi(words.back(), &step) ||
      stored.bytes != RecordOf(stored.session, step) ||
      stored.head != HeadOf(stored.session, step)) {
    return Torn(stored.session, absl::StrCat("record '", stored.bytes, "'"));
  }
  return step;
}

}  // namespace

absl::StatusOr<Steps> ReadStoredSteps(MemoryStore* store) {
  ASSIGN_OR_RETURN(const MemoryStore::Records loaded, store->LoadRecords());
  if (!loaded.corrupt.empty()) return Torn(loaded.corrupt[0], "corrupt");
  Steps steps;
  for (const StoredRecord& stored : loaded.records) {
    ASSIGN_OR_RETURN(const int step, StepOf(stored));
    steps[stored.session.session_id] = step;
    for (int kept = std::max(0, step - 1); kept <= step; ++kept) {
      ASSIGN_OR_RETURN(const std::string bytes,
                       store->GetValue(ValueAt(stored.session, kept)));
      if (bytes != ValueOf(stored.session, kept)) {
        return Torn(stored.session, absl::StrCat("value of step ", kept));
      }
    }
  }
  return steps;
}

}  // namespace mneme
