#ifndef MNEME_TESTS_SERVER_STORE_ERASE_TESTING_H_
#define MNEME_TESTS_SERVER_STORE_ERASE_TESTING_H_

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "server/base/status_macros.h"
#include "tests/server/store/store_builders.h"
#include "tests/testing/files_with.h"
#include "tests/testing/status_matchers.h"

namespace mneme {

// For fixtures whose tests look for what erase leaves in a store's files.
class EraseTesting {
 protected:
  virtual ~EraseTesting() = default;
  virtual MemoryStore* erased_store() = 0;
  virtual std::string folder() const = 0;  // of its files

  static absl::Status Erase(MemoryStore* store, const SessionKey& session) {
    RETURN_IF_ERROR(store->MarkErase());
    RETURN_IF_ERROR(store->Remove(session, ""));
    return store->Scrub();
  }
  absl::Status Erase(const SessionKey& session) {
    return Erase(erased_store(), session);
  }
  // Steps 0 to `last`, each with a value and a reply.
  void Fill(const SessionKey& session, int last) {
    for (int step = 0; step <= last; ++step) {
      ASSERT_THAT(ApplyOne(erased_store(), StepCommit(session, step)), IsOk());
    }
  }
  void ExpectReadable(const SessionKey& session, int step) {
    EXPECT_THAT(erased_store()->GetValue(ValueAt(session, step)),
                IsOkAndHolds(ValueOf(session, step)));
    EXPECT_THAT(erased_store()->GetReply(ReplyAt(session, step)),
                IsOkAndHolds(ReplyOf(session, step)));
  }
  // The names of the files that have these bytes anywhere.
  std::vector<std::string> FilesWith(const std::string& bytes) const {
    return mneme::FilesWith(folder(), bytes);
  }

  // In its id, hence in its record, values, replies, and all keys.
  const SessionKey canary_ = Session("canary-c0ffee");
  const std::string mark_ = "canary-c0ffee";
};

}  // namespace mneme

#endif  // MNEME_TESTS_SERVER_STORE_ERASE_TESTING_H_
