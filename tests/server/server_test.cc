#include "server/server.h"

#include <grpcpp/grpcpp.h>
#include <prometheus/metric_family.h>

#include <filesystem>
#include <fstream>

#include "mneme/v1/models.grpc.pb.h"
#include "mneme/v1/segments.grpc.pb.h"
#include "mneme/v1/sessions.grpc.pb.h"
#include "server/store/in_process_store.h"
#include "tests/server/observe/http_get.h"
#include "tests/testing/fake_model.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_folder.h"

namespace mneme {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ServerTest : public ::testing::Test {
 protected:
  // A model folder of a family that is its config.json alone.
  std::string ModelFolder(const std::string& name,
                          const std::string& architecture = "oracle") {
    const std::string folder = dir_.path() + "/" + name;
    std::filesystem::create_directories(folder);
    std::ofstream(folder + "/config.json")
        << R"({"architecture": ")" << architecture
        << R"(", "segment_size": 8, "vocab_size": 256, "tokenizer": "bytes", )"
        << R"("name": ")" << name << "\"}";
    return folder;
  }

  Config MakeConfig(std::vector<std::string> models) {
    Config config;
    config.models = std::move(models);
    config.listen = "127.0.0.1:0";
    config.metrics = "127.0.0.1:0";
    config.store = "memory:";
    return config;
  }

  // Sends 8 tokens of text to a session that it opens where there is none.
  static v1::SegmentReply Send(Server& server, const std::string& id) {
    const auto channel = server.InProcessChannel();
    v1::OpenSessionRequest open;
    open.set_session_id(id);
    v1::Session session;
    grpc::ClientContext open_context;
    v1::Sessions::NewStub(channel)->Open(&open_context, open, &session);
    v1::SegmentRequest request;
    request.set_session_id(id);
    request.set_text("8 bytes.");
    request.mutable_outputs()->add_names("state");
    v1::SegmentReply reply;
    grpc::ClientContext context;
    const grpc::Status status =
        v1::Segments::NewStub(channel)->Process(&context, request, &reply);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return reply;
  }

  const TempFolder dir_;
};

TEST_F(ServerTest, ServesModelFoldersOverGrpcAndMetricsOverHttp) {
  ASSERT_OK_AND_ASSIGN(
      const auto server,
      Server::Create(MakeConfig({ModelFolder("one"), ModelFolder("two")})));
  const auto stub = v1::Models::NewStub(server->InProcessChannel());
  grpc::ClientContext context;
  v1::ListModelsResponse models;
  ASSERT_TRUE(stub->List(&context, {}, &models).ok());
  ASSERT_EQ(models.models_size(), 2);
  EXPECT_EQ(models.models(0).architecture(), "oracle");
  EXPECT_THAT(HttpGet(server->metrics_port(), "/metrics"),
              AllOf(HasSubstr("model=\"one\""), HasSubstr("model=\"two\""),
                    HasSubstr("mneme_sessions 0")));
}

TEST_F(ServerTest, TwoModelsOfOneNameAreRefused) {
  const std::string folder = ModelFolder("one");
  EXPECT_THAT(Server::Create(MakeConfig({folder, folder})),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("--model"), HasSubstr("'one'"))));
}

TEST_F(ServerTest, AMissingModelFolderIsNamed) {
  EXPECT_THAT(Server::Create(MakeConfig({dir_.path() + "/nope"})),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/nope")));
}

TEST_F(ServerTest, AnUnknownArchitectureIsNamed) {
  EXPECT_THAT(
      Server::Create(MakeConfig({ModelFolder("x", "perceptron")})),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("perceptron")));
}

TEST_F(ServerTest, AMetricsPortInUseIsNamed) {
  Config config = MakeConfig({ModelFolder("one")});
  ASSERT_OK_AND_ASSIGN(const auto first, Server::Create(config));
  config.metrics = "127.0.0.1:" + std::to_string(first->metrics_port());
  EXPECT_THAT(Server::Create(config), StatusIs(absl::StatusCode::kUnavailable,
                                               HasSubstr(config.metrics)));
}

TEST_F(ServerTest, SessionsComeBackFromTheStoreAfterARestart) {
  Config config = MakeConfig({ModelFolder("one")});
  config.store = "rocksdb:" + dir_.path() + "/data";
  v1::SegmentReply before;
  {
    ASSERT_OK_AND_ASSIGN(const auto server, Server::Create(config));
    before = Send(*server, "a");
    EXPECT_THAT(server->Drain(absl::Seconds(20)), IsOkAndHolds(true));
  }
  ASSERT_OK_AND_ASSIGN(const auto server, Server::Create(config));
  const v1::SegmentReply after = Send(*server, "a");
  EXPECT_EQ(before.head().step(), 1);
  EXPECT_EQ(after.head().step(), 2);
  EXPECT_NE(after.segments(0).result().outputs(0).data(),
            before.segments(0).result().outputs(0).data());
}

TEST_F(ServerTest, EndsWithoutADrainToo) {
  Config config = MakeConfig({ModelFolder("one")});
  ASSERT_OK_AND_ASSIGN(auto server, Server::Create(config));
  Send(*server, "a");
  const auto stub = v1::Segments::NewStub(server->InProcessChannel());
  grpc::ClientContext context;
  const auto stream = stub->Stream(&context);
  v1::SegmentRequest request;
  request.set_session_id("a");
  EXPECT_TRUE(stream->Write(request));
  server.reset();
  EXPECT_FALSE(stream->Finish().ok());
}

}  // namespace
}  // namespace mneme
