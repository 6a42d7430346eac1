#include "server/rpc/models_service.h"

#include "tests/server/rpc/server_fixture.h"

namespace mneme {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ModelsServiceTest : public ServerFixture {
 protected:
  void SetUp() override {
    more_models_.push_back(std::make_unique<FakeModel>(8, "other"));
    Start();
  }

  grpc::Status TryGetModel(const std::string& name, v1::Model* model) {
    grpc::ClientContext context;
    v1::GetModelRequest request;
    request.set_name(name);
    return models_->Get(&context, request, model);
  }
};

TEST_F(ModelsServiceTest, ListsWhatIsServed) {
  grpc::ClientContext context;
  v1::ListModelsResponse reply;
  ASSERT_TRUE(models_->List(&context, v1::ListModelsRequest(), &reply).ok());
  ASSERT_EQ(reply.models_size(), 2);
  EXPECT_EQ(reply.models(0).name(), "fake");
  EXPECT_EQ(reply.models(1).name(), "other");
}

TEST_F(ModelsServiceTest, GetsOneByName) {
  v1::Model model;
  ASSERT_TRUE(TryGetModel("other", &model).ok());
  EXPECT_EQ(model.segment_size(), 8);
  EXPECT_EQ(model.device(), "cpu");
}

TEST_F(ModelsServiceTest, AnUnknownNameIsNotFoundAndSaysWhatThereIs) {
  v1::Model model;
  EXPECT_THAT(TryGetModel("nope", &model),
              FailsWith(grpc::StatusCode::NOT_FOUND,
                        AllOf(HasSubstr("'nope'"), HasSubstr("fake, other"))));
}

TEST_F(ModelsServiceTest, AnEmptyNameIsRefused) {
  v1::Model model;
  EXPECT_THAT(TryGetModel("", &model),
              FailsWith(grpc::StatusCode::INVALID_ARGUMENT, HasSubstr("name")));
}

}  // namespace
}  // namespace mneme
