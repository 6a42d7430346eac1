#include "server/store/shared_values.h"

#include <optional>
#include <vector>

#include "gtest/gtest.h"
#include "tests/server/store/store_builders.h"

namespace mneme {
namespace {

const FamilyKey kFamily = {"t", RootOf(Session("s"))};
const Digest kOne = DigestOf("one");
const Digest kTwo = DigestOf("two");

TEST(SharedValuesTest, AFamilyOfOneHoldsEachValueAlone) {
  SharedValues shared;
  EXPECT_TRUE(shared.Add(kFamily, kOne));
  EXPECT_TRUE(shared.Add(kFamily, kOne));
  EXPECT_TRUE(shared.Drop(kFamily, kOne));
  EXPECT_FALSE(shared.Holds(kFamily, kOne));
}

TEST(SharedValuesTest, TheLastHolderLetsAValueGo) {
  SharedValues shared;
  shared.Join(kFamily, {kOne, kTwo}, {kTwo});
  EXPECT_TRUE(shared.Drop(kFamily, kOne));
  EXPECT_FALSE(shared.Drop(kFamily, kTwo));
  EXPECT_FALSE(shared.Add(kFamily, kTwo));
  EXPECT_FALSE(shared.Drop(kFamily, kTwo));
  EXPECT_TRUE(shared.Drop(kFamily, kTwo));
}

TEST(SharedValuesTest, LoadingCountsAsJoiningDoes) {
  SharedValues shared;
  shared.Load(kFamily, std::vector{kOne, kTwo});
  shared.Load(kFamily, std::vector{kTwo});
  EXPECT_TRUE(shared.Drop(kFamily, kOne));
  EXPECT_FALSE(shared.Drop(kFamily, kTwo));
  EXPECT_TRUE(shared.Drop(kFamily, kTwo));
}

TEST(SharedValuesTest, NothingIsLetGoBesideADamagedSession) {
  SharedValues shared;
  shared.Load(kFamily, std::vector{kOne, kTwo});
  shared.Load(kFamily, std::vector{kTwo});
  shared.Load(kFamily, std::nullopt);
  EXPECT_FALSE(shared.Drop(kFamily, kOne));
  EXPECT_EQ(shared.Held(kFamily), std::nullopt);
  shared.LeaveDamaged(kFamily);
  EXPECT_EQ(shared.Held(kFamily), std::vector{kTwo});
  EXPECT_FALSE(shared.Drop(kFamily, kTwo));
  EXPECT_TRUE(shared.Drop(kFamily, kTwo));
  shared.Revert();
  EXPECT_EQ(shared.Held(kFamily), std::nullopt);
}

TEST(SharedValuesTest, AFamilyThatIsDownToOneIsForgotten) {
  SharedValues shared;
  shared.Join(kFamily, {kOne}, {kOne});
  shared.Keep();
  EXPECT_FALSE(shared.Drop(kFamily, kOne));
  shared.Leave(kFamily);
  EXPECT_TRUE(shared.Holds(kFamily, kOne));
  shared.Keep();
  EXPECT_FALSE(shared.Holds(kFamily, kOne));
  EXPECT_TRUE(shared.Drop(kFamily, kOne));
}

TEST(SharedValuesTest, RevertTakesEverythingBackSinceTheLastKeep) {
  SharedValues shared;
  shared.Join(kFamily, {kOne}, {kOne});
  shared.Keep();
  shared.Drop(kFamily, kOne);
  shared.Drop(kFamily, kOne);
  shared.Add(kFamily, kTwo);
  shared.Leave(kFamily);
  shared.Revert();
  EXPECT_FALSE(shared.Holds(kFamily, kTwo));
  EXPECT_FALSE(shared.Drop(kFamily, kOne));
  EXPECT_TRUE(shared.Drop(kFamily, kOne));
}

TEST(SharedValuesTest, ARevertedForkLeavesAFamilyOfOne) {
  SharedValues shared;
  shared.Join(kFamily, {kOne}, {kOne});
  shared.Revert();
  EXPECT_FALSE(shared.Holds(kFamily, kOne));
  EXPECT_TRUE(shared.Drop(kFamily, kOne));
}

}  // namespace
}  // namespace mneme
