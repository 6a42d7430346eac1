#ifndef MNEME_TESTS_SERVER_STORE_CONFORMANCE_H_
#define MNEME_TESTS_SERVER_STORE_CONFORMANCE_H_

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "gtest/gtest.h"
#include "server/store/memory_store.h"
#include "tests/server/store/erase_testing.h"

namespace mneme {

// A store under test, and ways to damage it from outside.
class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;
  // Valid until the next call of another method.
  virtual MemoryStore* store() = 0;
  // Change stored bytes so that their checksum fails. REQUIRES: they exist.
  virtual void CorruptValue(const ValueKey& key) = 0;
  virtual void CorruptReply(const ReplyKey& key) = 0;
  virtual void CorruptRecord(const SessionKey& session) = 0;
  // Closes the store and opens it again, if anything is left of it then.
  virtual void Reopen() {}
  // Of its files; "": it has none.
  virtual std::string folder() const { return ""; }
};

struct StoreFactory {
  std::string name;
  std::function<std::unique_ptr<StoreUnderTest>()> make;
};

// Without it GoogleTest prints the bytes of the object in the test's name.
inline void PrintTo(const StoreFactory& factory, std::ostream* out) {
  *out << factory.name;
}

// What every MemoryStore promises, as tests (conformance.cc). A store's test
// executable compiles that file and instantiates the suite for its factories.
class MemoryStoreConformance : public ::testing::TestWithParam<StoreFactory> {
 protected:
  MemoryStoreConformance() : under_test_(GetParam().make()) {}
  MemoryStore* store() { return under_test_->store(); }

  const std::unique_ptr<StoreUnderTest> under_test_;
};

// The same of families of sessions (conformance_fork.cc).
class MemoryStoreForkConformance : public MemoryStoreConformance {};

// The same of erase, for stores with files (conformance_erase.cc).
class MemoryStoreEraseConformance : public MemoryStoreConformance,
                                    protected EraseTesting {
 protected:
  MemoryStore* erased_store() override { return store(); }
  std::string folder() const override { return under_test_->folder(); }
};

inline std::string StoreName(
    const ::testing::TestParamInfo<StoreFactory>& info) {
  return info.param.name;
}

}  // namespace mneme

#endif  // MNEME_TESTS_SERVER_STORE_CONFORMANCE_H_
