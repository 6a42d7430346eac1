// Who has the device when several want it: priorities and tenants, from the
// wire to the batch.

#include <cstring>

#include "tests/server/rpc/server_fixture.h"
#include "tests/testing/pending.h"

namespace mneme {
namespace {

using ::testing::HasSubstr;

class DeviceSharingTest : public ServerFixture {
 protected:
  struct AsyncCall {
    grpc::ClientContext context;
    v1::SegmentRequest request;
    v1::SegmentReply reply;
    Pending<grpc::Status> status;
  };

  void SetUp() override {
    config_.max_batch = 1;
    config_.queue_total = 8;
    config_.trust_tenant_header = true;
    Start();
  }
  void TearDown() override {
    model_->Release();
    for (const auto& call : calls_) EXPECT_TRUE(call->status.Get().ok());
    calls_.clear();
    ServerFixture::TearDown();
  }

  void OpenAs(const std::string& tenant, const std::string& id) {
    grpc::ClientContext context;
    context.AddMetadata("mneme-tenant", tenant);
    v1::OpenSessionRequest request;
    request.set_session_id(id);
    v1::Session session;
    ASSERT_TRUE(sessions_->Open(&context, request, &session).ok());
  }
  // A segment of a session, whose tokens are no other's.
  static v1::SegmentRequest Segment(const std::string& id,
                                    v1::Priority priority) {
    v1::SegmentRequest request = Request(id, {id[0], id[1], 0, 0});
    request.mutable_outputs()->set_names(0, "noise");
    request.set_priority(priority);
    return request;
  }
  AsyncCall* Send(const std::string& tenant,
                  const v1::SegmentRequest& request) {
    AsyncCall* call = calls_.emplace_back(std::make_unique<AsyncCall>()).get();
    call->context.AddMetadata("mneme-tenant", tenant);
    call->request = request;
    segments_->async()->Process(&call->context, &call->request, &call->reply,
                                call->status.Setter());
    return call;
  }
  // Returns when it waits for the device, with all before it.
  AsyncCall* Queue(const std::string& tenant,
                   const v1::SegmentRequest& request) {
    AsyncCall* call = Send(tenant, request);
    AwaitMetric("mneme_waiting_segments", ++waiting_);
    return call;
  }
  // Keeps the device busy, so that others wait.
  void Occupy() {
    OpenAs("default", "z0");
    model_->Hold();
    Send("default", Segment("z0", v1::NORMAL));
    model_->AwaitHeld();
  }
  // Which step of the model answered it.
  static int64_t StepOf(const v1::SegmentReply& reply) {
    int64_t step = 0;
    const std::string& data = reply.segments(0).result().outputs(0).data();
    std::memcpy(&step, data.data(), sizeof(step));
    return step;
  }
  static int64_t StepOf(AsyncCall* call) {
    EXPECT_TRUE(call->status.Get().ok());
    return StepOf(call->reply);
  }

  std::vector<std::unique_ptr<AsyncCall>> calls_;
  int waiting_ = 0;
};

TEST_F(DeviceSharingTest, AHigherPriorityGoesFirst) {
  Occupy();
  for (const char* id : {"a0", "a1", "a2", "a3"}) OpenAs("default", id);
  AsyncCall* const low = Queue("default", Segment("a0", v1::LOW));
  AsyncCall* const none =
      Queue("default", Segment("a1", v1::PRIORITY_UNSPECIFIED));
  AsyncCall* const normal = Queue("default", Segment("a2", v1::NORMAL));
  AsyncCall* const high = Queue("default", Segment("a3", v1::HIGH));
  model_->Release();
  EXPECT_LT(StepOf(high), StepOf(none));
  EXPECT_LT(StepOf(none), StepOf(normal));
  EXPECT_LT(StepOf(normal), StepOf(low));
}

TEST_F(DeviceSharingTest, AStreamKeepsThePriorityOfTheMessageBefore) {
  for (const char* id : {"a0", "a1"}) OpenAs("default", id);
  grpc::ClientContext context;
  const StreamCall stream = segments_->Stream(&context);
  v1::SegmentReply reply;
  ASSERT_TRUE(stream->Write(Segment("a0", v1::HIGH)));
  ASSERT_TRUE(stream->Read(&reply));
  Occupy();
  AsyncCall* const normal = Queue("default", Segment("a1", v1::NORMAL));
  ASSERT_TRUE(stream->Write(Segment("a0", v1::PRIORITY_UNSPECIFIED)));
  AwaitMetric("mneme_waiting_segments", 2);
  model_->Release();
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_LT(StepOf(reply), StepOf(normal));
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(DeviceSharingTest, AQuietTenantGoesBeforeTheRestOfAFlood) {
  Occupy();
  std::vector<AsyncCall*> flood;
  for (const char* id : {"a0", "a1", "a2"}) {
    OpenAs("flood", id);
    flood.push_back(Queue("flood", Segment(id, v1::NORMAL)));
  }
  OpenAs("quiet", "b0");
  AsyncCall* const quiet = Queue("quiet", Segment("b0", v1::NORMAL));
  model_->Release();
  EXPECT_LT(StepOf(quiet), StepOf(flood[1]));
  EXPECT_LT(StepOf(flood[0]), StepOf(flood[1]));
}

TEST_F(DeviceSharingTest, WeightsCount) {
  TearDown();
  config_.tenant_weights = {{"heavy", 3}};
  Start();
  Occupy();
  std::vector<AsyncCall*> light;
  for (const char* id : {"a0", "a1"}) {
    OpenAs("light", id);
    light.push_back(Queue("light", Segment(id, v1::NORMAL)));
  }
  std::vector<AsyncCall*> heavy;
  for (const char* id : {"b0", "b1", "b2"}) {
    OpenAs("heavy", id);
    heavy.push_back(Queue("heavy", Segment(id, v1::NORMAL)));
  }
  model_->Release();
  EXPECT_LT(StepOf(heavy[2]), StepOf(light[1]));
}

TEST_F(DeviceSharingTest, AFloodIsRefusedBeforeItHasTheWholeQueue) {
  Occupy();  // as a second tenant
  for (const char* id : {"a0", "a1", "a2", "a3"}) {
    OpenAs("flood", id);
    Queue("flood", Segment(id, v1::NORMAL));
  }
  OpenAs("flood", "a4");
  grpc::ClientContext context;
  context.AddMetadata("mneme-tenant", "flood");
  v1::SegmentReply reply;
  const CallError error =
      ErrorOf(segments_->Process(&context, Segment("a4", v1::NORMAL), &reply));
  EXPECT_EQ(error.code, grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(error.reason, "QUEUE_FULL");
  EXPECT_EQ(error.metadata.at("tenant_bound"), "4");
  EXPECT_THAT(error.message, HasSubstr("tenant 'flood'"));
  EXPECT_GT(error.retry_seconds, 0);
  OpenAs("quiet", "b0");
  Queue("quiet", Segment("b0", v1::NORMAL));
}

}  // namespace
}  // namespace mneme
