// A whole server on a disk that fills up, fails, or loses its power.

#include <rocksdb/env.h>

#include <random>
#include <thread>

#include "server/store/rocksdb_store.h"
#include "tests/server/rpc/raw_call.h"
#include "tests/server/rpc/server_fixture.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/temp_folder.h"
#include "tests/testing/unsynced_loss_file_system.h"

namespace mneme {
namespace {

using ::testing::_;

constexpr char kServing[] = "\x08\x01";
constexpr char kNotServing[] = "\x08\x02";
constexpr absl::Duration kRetry = absl::Seconds(1);

class FailingDiskTest : public ServerFixture {
 protected:
  void SetUp() override {
    clock_ = &fake_clock_;
    StartOnDisk();
  }

  void StartOnDisk() {
    RocksDbStore::Options options;
    options.env = env_.get();
    options.clock = clock_;
    auto store = RocksDbStore::Open(dir_.path(), options);
    ASSERT_OK(store);
    store_ = *std::move(store);
    Start();
  }
  // The machine goes off and comes back: what was not synced is gone.
  void LosePower() {
    disk_->PowerOff();
    TearDown();
    disk_->RestorePower();
    disk_->FailWrites(rocksdb::IOStatus::OK());
    StartOnDisk();
  }
  void BreakDisk() {
    rocksdb::IOStatus error = rocksdb::IOStatus::IOError("the disk is away");
    error.SetRetryable(true);
    disk_->FailWrites(error);
  }
  void MendDisk() { disk_->FailWrites(rocksdb::IOStatus::OK()); }

  v1::Session OpenAt(const std::string& id, v1::Durability durability) {
    v1::OpenSessionRequest request;
    request.set_session_id(id);
    request.set_durability(durability);
    v1::Session session;
    EXPECT_TRUE(TryOpen(request, &session).ok());
    return session;
  }
  // `tokens` from `size` on, at `handle`.
  static v1::SegmentRequest RequestAt(const std::string& id,
                                      const v1::MemoryHandle& handle,
                                      int32_t first, int32_t size) {
    v1::SegmentRequest request = Request(id, Range(first, size));
    *request.mutable_at()->mutable_handle() = handle;
    return request;
  }
  std::string Health(const std::string& service) {
    const std::string name =
        service.empty()
            ? ""
            : "\x0a" + std::string(1, static_cast<char>(service.size()));
    return RawCall::Unary(channel_, "/grpc.health.v1.Health/Check",
                          name + service);
  }

  const TempFolder dir_;
  FakeClock fake_clock_;
  std::shared_ptr<UnsyncedLossFileSystem> disk_ =
      std::make_shared<UnsyncedLossFileSystem>();
  std::unique_ptr<rocksdb::Env> env_ = MakePauselessEnv(disk_);
};

TEST_F(FailingDiskTest, HealthFollowsTheDiskThereAndBack) {
  const v1::MemoryHandle start = OpenAt("a", v1::SYNC).head();
  RawCall watch(channel_, "/grpc.health.v1.Health/Watch");
  watch.Write("");
  EXPECT_EQ(watch.Read(), kServing);
  EXPECT_EQ(Metric("mneme_store_up"), 1);
  BreakDisk();
  v1::SegmentReply reply;
  const v1::SegmentRequest request = RequestAt("a", start, 0, 8);
  const grpc::Status failed = Process(request, &reply);
  EXPECT_THAT(failed, FailsWith(grpc::StatusCode::UNAVAILABLE, _));
  EXPECT_EQ(ErrorOf(failed).reason, "STORE_DOWN");
  EXPECT_GE(ErrorOf(failed).retry_seconds, 0);
  for (const std::string service :
       {"", "mneme.v1.Sessions", "mneme.v1.Segments", "mneme.v1.Models"}) {
    EXPECT_EQ(Health(service), kNotServing) << service;
  }
  EXPECT_EQ(watch.Read(), kNotServing);
  EXPECT_EQ(Metric("mneme_store_up"), 0);
  MendDisk();
  // Nobody sends anything meanwhile.
  fake_clock_.Advance(kRetry);
  EXPECT_EQ(watch.Read(), kServing);
  EXPECT_EQ(Health("mneme.v1.Segments"), kServing);
  EXPECT_EQ(Metric("mneme_store_up"), 1);
  ASSERT_TRUE(Process(request, &reply).ok());
  EXPECT_EQ(reply.head().step(), 2);
  EXPECT_EQ(LastSum(reply), Sum(Range(0, 8))) << "applied once";
  LosePower();
  EXPECT_EQ(Get("a").head().step(), 2);
}

TEST_F(FailingDiskTest, OtherRefusalsLeaveHealthAlone) {
  const v1::MemoryHandle start = OpenAt("a", v1::SYNC).head();
  v1::SegmentReply reply;
  ASSERT_TRUE(Process(RequestAt("a", start, 0, 4), &reply).ok());
  EXPECT_THAT(Process(RequestAt("a", start, 50, 4), &reply),
              FailsWith(grpc::StatusCode::ABORTED, _));
  v1::Session session;
  v1::OpenSessionRequest again;
  again.set_session_id("a");
  EXPECT_FALSE(TryOpen(again, &session).ok());
  EXPECT_EQ(Health(""), kServing);
  EXPECT_EQ(Metric("mneme_store_up"), 1);
}

TEST_F(FailingDiskTest, OnAFullDiskNothingIsAcknowledgedThatARestartLoses) {
  for (const auto durability : {v1::SYNC, v1::ASYNC}) {
    const std::string id = v1::Durability_Name(durability);
    const v1::MemoryHandle start = OpenAt(id, durability).head();
    v1::SegmentReply reply;
    ASSERT_TRUE(Process(RequestAt(id, start, 0, 8), &reply).ok());
    fake_clock_.Advance(config_.async_window);
    while (Get(id).durable().step() < 2) {
    }
    disk_->FailWrites(rocksdb::IOStatus::NoSpace("the disk is full"));
    const v1::SegmentRequest request = RequestAt(id, reply.head(), 8, 8);
    const grpc::Status failed = Process(request, &reply);
    EXPECT_THAT(failed, FailsWith(grpc::StatusCode::UNAVAILABLE, _));
    EXPECT_EQ(ErrorOf(failed).reason, "STORE_DOWN");
    EXPECT_EQ(Health(""), kNotServing);
    EXPECT_EQ(Get(id).head().step(), 2) << "and still read";
    LosePower();
    EXPECT_EQ(Health(""), kServing);
    EXPECT_GE(Get(id).head().step(), 2);
    ASSERT_TRUE(Process(request, &reply).ok());
    EXPECT_EQ(reply.head().step(), 4);
    EXPECT_EQ(LastSum(reply), Sum(Range(0, 16))) << "applied once";
  }
}

TEST_F(FailingDiskTest, AStoreThatComesBackDoesNotUndoADrain) {
  OpenAt("a", v1::MEMORY);
  OpenAt("b", v1::SYNC);
  BreakDisk();
  v1::SegmentReply reply;
  EXPECT_FALSE(Process(Request("b", Range(0, 4)), &reply).ok());
  model_->Hold();
  grpc::ClientContext context;
  const auto stream = segments_->Stream(&context);
  ASSERT_TRUE(stream->Write(Request("a", Range(0, 4))));
  model_->AwaitHeld();
  std::thread drain([this] {
    EXPECT_THAT(server_->Drain(absl::Seconds(60)), IsOkAndHolds(true));
  });
  AwaitMetric("mneme_draining", 1);
  MendDisk();
  fake_clock_.Advance(kRetry);
  AwaitMetric("mneme_store_up", 1);
  EXPECT_EQ(Health(""), kNotServing);
  model_->Release();
  EXPECT_TRUE(stream->Read(&reply));
  drain.join();
}

TEST_F(FailingDiskTest, TheAgeOfWhatAPowerLossCanTakeIsAMetric) {
  OpenAt("a", v1::ASYNC);
  EXPECT_EQ(Metric("mneme_store_async_window_seconds"), 0.1);
  EXPECT_EQ(Metric("mneme_store_unsynced_seconds"), 0);
  v1::SegmentReply reply;
  ASSERT_TRUE(Process(Request("a", Range(0, 4)), &reply).ok());
  fake_clock_.Advance(absl::Milliseconds(40));
  EXPECT_EQ(Metric("mneme_store_unsynced_seconds"), 0.04);
  EXPECT_EQ(reply.durable().step(), 0);
  fake_clock_.Advance(absl::Milliseconds(60));
  AwaitMetric("mneme_store_unsynced_seconds", 0);
  EXPECT_EQ(Get("a").durable().step(), 1);
}

TEST_F(FailingDiskTest, WhatWasReportedDurableSurvivesAPowerLoss) {
  std::mt19937 random(7);
  v1::MemoryHandle durable = OpenAt("a", v1::ASYNC).head();
  uint64_t lost = 0;
  uint64_t kept = 0;
  for (int run = 0; run < 20; ++run) {
    const auto from = static_cast<int32_t>(4 * durable.step());
    // What a client kept; the tokens of the session are those of Range().
    v1::SegmentRequest request = RequestAt("a", durable, from, 4);
    disk_->PowerOffAfter(static_cast<int64_t>(20 + random() % 100));
    v1::SegmentReply reply;
    uint64_t answered = durable.step();
    while (Process(request, &reply).ok()) {
      ASSERT_GE(reply.durable().step(), durable.step());
      durable = reply.durable();
      answered = reply.head().step();
      if (random() % 10 == 0) fake_clock_.Advance(config_.async_window);
      fake_clock_.Advance(absl::Milliseconds(1));
      request =
          RequestAt("a", reply.next().handle(),
                    static_cast<int32_t>(4 * reply.next().handle().step()),
                    static_cast<int32_t>(4 * (1 + random() % 3)));
    }
    LosePower();
    const v1::Session found = Get("a");
    ASSERT_GE(found.head().step(), durable.step());
    EXPECT_EQ(found.durable().step(), found.head().step());
    lost += answered - std::min<uint64_t>(answered, found.head().step());
    kept += durable.step();
    const auto behind = static_cast<int32_t>(4 * durable.step());
    const auto more =
        static_cast<int32_t>(4 * (found.head().step() + 1)) - behind;
    ASSERT_TRUE(Process(RequestAt("a", durable, behind, more), &reply).ok());
    EXPECT_EQ(LastSum(reply), Sum(Range(0, behind + more)));
    durable = reply.durable();
  }
  EXPECT_GT(lost, 0u) << "the window was never struck";
  EXPECT_GT(kept, 0u);
}

}  // namespace
}  // namespace mneme
