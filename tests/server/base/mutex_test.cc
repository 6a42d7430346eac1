#include "server/base/mutex.h"

#include <condition_variable>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace mneme {
namespace {

struct Counter {
  Mutex mutex;
  int value ABSL_GUARDED_BY(mutex) = 0;
};

TEST(MutexTest, LetsOneThreadInAtATime) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 5000;
  Counter counter;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&counter] {
      for (int i = 0; i < kRounds; ++i) {
        MutexLock lock(&counter.mutex);
        ++counter.value;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  MutexLock lock(&counter.mutex);
  EXPECT_EQ(counter.value, kThreads * kRounds);
}

TEST(MutexTest, LocksAndUnlocksByHand) {
  Counter counter;
  counter.mutex.Lock();
  counter.value = 7;
  counter.mutex.Unlock();
  MutexLock lock(&counter.mutex);
  EXPECT_EQ(counter.value, 7);
}

TEST(MutexLockTest, NamesTheMutexItHolds) {
  Mutex mutex;
  MutexLock lock(&mutex);
  EXPECT_EQ(lock.mutex(), &mutex);
  EXPECT_TRUE(lock.native().owns_lock());
}

TEST(MutexLockTest, WaitReleasesTheMutexAndTakesItAgain) {
  Counter counter;
  std::condition_variable turned;
  std::thread other([&] {
    MutexLock lock(&counter.mutex);
    while (counter.value == 0) lock.Wait(turned);
    counter.value = 2;
    turned.notify_all();
  });
  {
    MutexLock lock(&counter.mutex);
    counter.value = 1;
    turned.notify_all();
    while (counter.value != 2) lock.Wait(turned);
    EXPECT_TRUE(lock.native().owns_lock());
  }
  other.join();
}

}  // namespace
}  // namespace mneme
