#include "client/cli/stream_plan.h"

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/fake_server.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_folder.h"

namespace mneme::cli {
namespace {

using ::mneme::testing::FakeServer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class StreamPlanTest : public ::testing::Test {
 protected:
  void SetUp() override {
    client::Client::Options options;
    options.server = server_.address();
    ASSERT_OK_AND_ASSIGN(client_, client::Client::Create(options));
    arguments_.files = {folder_.Write("text", std::string(100, 'x'))};
    arguments_.session_prefix = "p";
  }

  TempFolder folder_;
  FakeServer server_;
  std::unique_ptr<client::Client> client_;
  StreamArguments arguments_;
};

TEST_F(StreamPlanTest, OpensASessionForEachPart) {
  arguments_.sessions = 4;
  arguments_.memory_policy = client::MemoryPolicy::kReset;
  arguments_.durability = client::Durability::kMemory;
  ASSERT_OK_AND_ASSIGN(StreamPlan plan, MakeStreamPlan(*client_, arguments_));
  EXPECT_EQ(plan.model.name, "fake");
  EXPECT_EQ(plan.total_bytes, 100u);
  EXPECT_EQ(plan.memory_bytes, 4096u);
  ASSERT_EQ(plan.sessions.size(), 4u);
  EXPECT_EQ(plan.sessions[3].handle.session_id, "p-3");
  EXPECT_EQ(plan.sessions[3].handle.step, 0u);
  EXPECT_EQ(plan.sessions[3].rest.begin, 75u);
  ASSERT_OK_AND_ASSIGN(auto session, client_->GetSession("p-2"));
  EXPECT_EQ(session.memory_policy, client::MemoryPolicy::kReset);
  EXPECT_EQ(session.durability, client::Durability::kMemory);
}

TEST_F(StreamPlanTest, ResumedSessionsKeepTheirHandles) {
  ASSERT_OK_AND_ASSIGN(StreamPlan plan, MakeStreamPlan(*client_, arguments_));
  plan.sessions[0].rest.begin = 60;
  arguments_.resume_file = folder_.File("handles");
  ASSERT_THAT(WriteHandles(arguments_.resume_file, plan.sessions), IsOk());
  ASSERT_OK_AND_ASSIGN(StreamPlan resumed,
                       MakeStreamPlan(*client_, arguments_));
  EXPECT_EQ(resumed.total_bytes, 40u);
  EXPECT_EQ(resumed.sessions[0].handle, plan.sessions[0].handle);
  EXPECT_EQ(server_.session_count(), 1u);
}

TEST_F(StreamPlanTest, ASessionThatIsGoneCannotBeResumed) {
  ASSERT_OK_AND_ASSIGN(StreamPlan plan, MakeStreamPlan(*client_, arguments_));
  arguments_.resume_file = folder_.File("handles");
  ASSERT_THAT(WriteHandles(arguments_.resume_file, plan.sessions), IsOk());
  ASSERT_THAT(client_->CloseSession("p-0"), IsOk());
  EXPECT_THAT(MakeStreamPlan(*client_, arguments_),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("p-0")));
}

TEST_F(StreamPlanTest, OutputsAreLogProbsUnlessNamed) {
  client::ModelInfo model;
  model.name = "m";
  model.outputs = {"argmax", "log_probs", "logits"};
  EXPECT_THAT(ChooseOutputs(arguments_, model),
              IsOkAndHolds(ElementsAre("log_probs")));
  arguments_.record_file = "record";
  EXPECT_THAT(ChooseOutputs(arguments_, model),
              IsOkAndHolds(ElementsAre("log_probs", "argmax")));
  arguments_.outputs = {"logits"};
  EXPECT_THAT(ChooseOutputs(arguments_, model),
              IsOkAndHolds(ElementsAre("logits")));
  arguments_.outputs = {"none"};
  EXPECT_THAT(ChooseOutputs(arguments_, model), IsOkAndHolds(IsEmpty()));
}

TEST_F(StreamPlanTest, OutputsThatTheModelLacksAreLeftOutOrRefused) {
  client::ModelInfo model;
  model.name = "null";
  arguments_.record_file = "record";
  EXPECT_THAT(ChooseOutputs(arguments_, model), IsOkAndHolds(IsEmpty()));
  arguments_.outputs = {"log_probs"};
  EXPECT_THAT(ChooseOutputs(arguments_, model),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("--outputs log_probs: model null")));
}

}  // namespace
}  // namespace mneme::cli
