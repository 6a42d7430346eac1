// The part of the conformance suite that is about families: forks share values.

#include <map>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/server/store/conformance.h"
#include "tests/server/store/store_builders.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const SessionKey kParent = Session("parent");
const SessionKey kFork = Session("fork");

bool IsThere(const MemoryStore* store, int step) {
  const auto value = store->GetValue(ValueAt(kParent, step));
  if (!value.ok()) return false;
  EXPECT_EQ(*value, ValueOf(kParent, step));
  return true;
}

void StepParent(MemoryStore* store, int first, int last) {
  for (int step = first; step <= last; ++step) {
    ASSERT_THAT(ApplyOne(store, StepCommit(kParent, step)), IsOk());
  }
}

TEST_P(MemoryStoreForkConformance, AForkKeepsWhatItsParentLetsGo) {
  StepParent(store(), 0, 1);
  ASSERT_THAT(ApplyOne(store(), ForkCommit(kParent, 1, kFork)), IsOk());
  StepParent(store(), 2, 4);
  EXPECT_FALSE(IsThere(store(), 0));
  EXPECT_TRUE(IsThere(store(), 1));
  EXPECT_FALSE(IsThere(store(), 2));
  under_test_->Reopen();
  EXPECT_TRUE(IsThere(store(), 1));
  ASSERT_THAT(store()->Remove(kFork, ""), IsOk());
  EXPECT_FALSE(IsThere(store(), 1));
  EXPECT_TRUE(IsThere(store(), 4));
}

TEST_P(MemoryStoreForkConformance, AForkOutlivesItsParent) {
  StepParent(store(), 0, 1);
  ASSERT_THAT(ApplyOne(store(), ForkCommit(kParent, 1, kFork)), IsOk());
  ASSERT_THAT(store()->Remove(kParent, ""), IsOk());
  EXPECT_FALSE(IsThere(store(), 0));
  EXPECT_TRUE(IsThere(store(), 1));
  under_test_->Reopen();
  ASSERT_THAT(store()->Remove(kFork, ""), IsOk());
  EXPECT_FALSE(IsThere(store(), 1));
}

TEST_P(MemoryStoreForkConformance, AnIdMayBeUsedAgainBesideItsFork) {
  StepParent(store(), 0, 1);
  ASSERT_THAT(ApplyOne(store(), ForkCommit(kParent, 1, kFork)), IsOk());
  ASSERT_THAT(store()->Remove(kParent, ""), IsOk());
  Commit commit = StepCommit(kParent, 0);
  commit.record.root = RootOf(Session("another root"));
  ASSERT_THAT(ApplyOne(store(), std::move(commit)), IsOk());
  ASSERT_THAT(store()->Remove(kParent, ""), IsOk());
  EXPECT_TRUE(IsThere(store(), 1));
}

TEST_P(MemoryStoreForkConformance, TheFamilysFirstValueOfADigestStays) {
  StepParent(store(), 0, 0);
  ASSERT_THAT(ApplyOne(store(), ForkCommit(kParent, 0, kFork)), IsOk());
  StepParent(store(), 1, 1);
  Commit same = StepCommit(kParent, 1);
  same.record.session = kFork;
  same.values[0].bytes = Share("computed once more, and rounded otherwise");
  ASSERT_THAT(ApplyOne(store(), std::move(same)), IsOk());
  EXPECT_TRUE(IsThere(store(), 1));
  ASSERT_THAT(store()->Remove(kParent, ""), IsOk());
  EXPECT_TRUE(IsThere(store(), 1));
}

TEST_P(MemoryStoreForkConformance, AForkOfWhatIsNotHeldIsAborted) {
  EXPECT_THAT(ApplyOne(store(), ForkCommit(kParent, 1, kFork)),
              StatusIs(StatusCode::kAborted, HasSubstr("'parent'")));
  StepParent(store(), 0, 3);
  EXPECT_THAT(ApplyOne(store(), ForkCommit(kParent, 1, kFork)),
              StatusIs(StatusCode::kAborted, HasSubstr("not hold")));
  EXPECT_THAT(ApplyOne(store(), ForkCommit(kParent, 3, kParent)),
              StatusIs(StatusCode::kAlreadyExists));
  Commit other = ForkCommit(kParent, 3, kFork);
  other.record.root = RootOf(kFork);
  EXPECT_THAT(ApplyOne(store(), std::move(other)),
              StatusIs(StatusCode::kAborted));
  EXPECT_EQ(store()->LoadRecords()->records.size(), 1u);
}

TEST_P(MemoryStoreForkConformance, AForkIsAsDurableAsItsParent) {
  const SessionKey memory = Session("memory");
  StepParent(store(), 0, 0);
  ASSERT_THAT(ApplyOne(store(), StepCommit(memory, 0, Durability::kMemory)),
              IsOk());
  EXPECT_THAT(
      ApplyOne(store(), ForkCommit(kParent, 0, kFork, Durability::kMemory)),
      StatusIs(StatusCode::kFailedPrecondition));
  EXPECT_THAT(
      ApplyOne(store(), ForkCommit(memory, 0, kFork, Durability::kSync)),
      StatusIs(StatusCode::kFailedPrecondition));
  ASSERT_THAT(
      ApplyOne(store(), ForkCommit(memory, 0, kFork, Durability::kMemory)),
      IsOk());
  ASSERT_THAT(store()->Remove(memory, ""), IsOk());
  EXPECT_THAT(store()->GetValue(ValueAt(memory, 0)), IsOk());
}

TEST_P(MemoryStoreForkConformance, AGroupMayHoldAParentAndItsForks) {
  std::vector<Commit> group;
  group.push_back(StepCommit(kParent, 0));
  group.push_back(ForkCommit(kParent, 0, kFork));
  group.push_back(ForkCommit(kParent, 0, Session("second")));
  group.push_back(StepCommit(kParent, 1));
  group.push_back(StepCommit(kParent, 2));
  EXPECT_THAT(store()->Apply(std::move(group)),
              ElementsAre(IsOk(), IsOk(), IsOk(), IsOk(), IsOk()));
  EXPECT_TRUE(IsThere(store(), 0));
  ASSERT_THAT(store()->Remove(kFork, ""), IsOk());
  EXPECT_TRUE(IsThere(store(), 0));
  ASSERT_THAT(store()->Remove(Session("second"), ""), IsOk());
  EXPECT_FALSE(IsThere(store(), 0));
}

// A seeded history of one tenant, checked after each change: a value is there
// if and only if a session holds it.
class History {
 public:
  History(StoreUnderTest* under_test, uint32_t seed)
      : under_test_(under_test), random_(seed) {}

  void Run(int changes) {
    for (int change = 0; change < changes; ++change) {
      const int what = Draw(10);
      if (sessions_.empty() || what == 0) {
        Open();
      } else if (what == 1) {
        Remove();
      } else if (what <= 3) {
        Fork();
      } else if (what == 4) {
        under_test_->Reopen();
      } else {
        Step();
      }
      ASSERT_NO_FATAL_FAILURE(Check()) << "after change " << change;
    }
  }

 private:
  int Draw(int end) {
    return static_cast<int>(random_() % static_cast<uint32_t>(end));
  }
  StoredRecord* Pick() {
    auto it = sessions_.begin();
    std::advance(it, Draw(static_cast<int>(sessions_.size())));
    return &it->second;
  }
  void Apply(Commit commit) {
    const StoredRecord record = commit.record;
    ASSERT_THAT(ApplyOne(under_test_->store(), std::move(commit)), IsOk());
    for (const Digest& value : record.values) {
      known_.insert({record.session.tenant, record.root, value});
    }
    sessions_[record.session] = record;
  }
  void Open() {
    Commit commit;
    commit.record.session = Session(absl::StrCat("s", Draw(4)));
    if (sessions_.contains(commit.record.session)) return;
    commit.record.root = RootOf(Session(absl::StrCat("root", ++made_)));
    Put(&commit);
    Apply(std::move(commit));
  }
  // The digests are few, so that sessions of a family meet at the same ones.
  void Put(Commit* commit) {
    const Digest value = DigestOf(absl::StrCat("value", Draw(6)));
    commit->record.head = value;
    if (!std::count(commit->record.values.begin(), commit->record.values.end(),
                    value)) {
      commit->record.values.push_back(value);
    }
    commit->values.push_back(
        {value, Share(absl::StrCat("bytes of ", Draw(1000)))});
  }
  void Step() {
    Commit commit;
    commit.record = *Pick();
    commit.expected_head = commit.record.head;
    auto& values = commit.record.values;
    values.erase(values.begin(),
                 values.begin() + Draw(static_cast<int>(values.size()) + 1));
    Put(&commit);
    Apply(std::move(commit));
  }
  void Fork() {
    const StoredRecord& from = *Pick();
    Commit commit;
    commit.record = from;
    commit.record.session = Session(absl::StrCat("s", Draw(8)));
    if (sessions_.contains(commit.record.session)) return;
    commit.parent = from.session;
    commit.record.head = from.values[static_cast<size_t>(
        Draw(static_cast<int>(from.values.size())))];
    commit.record.values = {commit.record.head};
    Apply(std::move(commit));
  }
  void Remove() {
    const SessionKey session = Pick()->session;
    ASSERT_THAT(under_test_->store()->Remove(session, ""), IsOk());
    sessions_.erase(session);
  }
  void Check() {
    for (const ValueKey& key : known_) {
      bool held = false;
      for (const auto& [session, record] : sessions_) {
        held |= record.root == key.root &&
                std::count(record.values.begin(), record.values.end(),
                           key.digest) > 0;
      }
      const auto value = under_test_->store()->GetValue(key);
      ASSERT_EQ(value.ok(), held) << value.status();
      if (!held) {
        bytes_.erase(key);
      } else {
        const std::string first = bytes_.try_emplace(key, *value).first->second;
        ASSERT_EQ(*value, first);
      }
    }
  }

  StoreUnderTest* const under_test_;
  std::mt19937 random_;
  int made_ = 0;
  std::map<SessionKey, StoredRecord> sessions_;
  std::set<ValueKey> known_;
  std::map<ValueKey, std::string> bytes_;  // what was first seen of each
};

TEST_P(MemoryStoreForkConformance, AValueIsThereAsLongAsSomebodyHoldsIt) {
  for (uint32_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    const auto under_test = GetParam().make();
    History(under_test.get(), seed).Run(250);
    if (HasFatalFailure()) return;
  }
}

}  // namespace

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(MemoryStoreForkConformance);

}  // namespace mneme
