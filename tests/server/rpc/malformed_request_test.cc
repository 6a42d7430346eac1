#include <functional>

#include "tests/server/rpc/server_fixture.h"

namespace mneme {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr auto kInvalid = grpc::StatusCode::INVALID_ARGUMENT;
constexpr auto kNotFound = grpc::StatusCode::NOT_FOUND;

struct Case {
  std::string name;
  std::function<void(v1::SegmentRequest*)> spoil;
  grpc::StatusCode code;
  std::string field;
  std::string text;
};

void PrintTo(const Case& c, std::ostream* os) { *os << c.name; }

// A name that no error may hold whole: it would not fit into gRPC's metadata.
std::string Huge() { return "\n" + std::string(99'998, 'x') + "'"; }

std::vector<Case> SegmentCases() {
  using R = v1::SegmentRequest;
  return {
      {"NoSession", [](R* r) { r->clear_session_id(); }, kInvalid, "session_id",
       ""},
      {"BadSessionId", [](R* r) { r->set_session_id("a/b"); }, kInvalid,
       "session_id", "[A-Za-z0-9._-]"},
      {"LongSessionId", [](R* r) { r->set_session_id(std::string(129, 'a')); },
       kInvalid, "session_id", "129"},
      {"UnknownSession", [](R* r) { r->set_session_id("b"); }, kNotFound,
       "session_id", "'b'"},
      {"NegativeToken", [](R* r) { r->mutable_tokens()->set_ids(1, -3); },
       kInvalid, "tokens.ids[1]", "-3"},
      {"TokenBeyondVocabulary",
       [](R* r) { r->mutable_tokens()->set_ids(0, 256); }, kInvalid,
       "tokens.ids[0]", "256"},
      {"TooManyTokens",
       [](R* r) { r->mutable_tokens()->mutable_ids()->Resize(1048577, 7); },
       kInvalid, "tokens.ids", "1048577"},
      {"NoHandle", [](R* r) { r->mutable_at()->set_tail(1); }, kInvalid,
       "at.handle", "missing"},
      {"ShortDigest",
       [](R* r) { r->mutable_at()->mutable_handle()->set_digest("1234567"); },
       kInvalid, "at.handle.digest", "expected 32 bytes, got 7"},
      {"HandleOfAnotherSession",
       [](R* r) {
         r->mutable_at()->mutable_handle()->set_session_id("z");
         r->mutable_at()->mutable_handle()->set_digest(std::string(32, 'x'));
       },
       kInvalid, "at.handle.session_id", "'z'"},
      {"UnknownOutput", [](R* r) { r->mutable_outputs()->add_names("nope"); },
       kInvalid, "outputs.names[1]", "sum, noise"},
      {"OutputTwice", [](R* r) { r->mutable_outputs()->add_names("sum"); },
       kInvalid, "outputs.names[1]", "twice"},
      {"UnknownExtraInput",
       [](R* r) { r->add_extra_inputs()->set_name("nope"); }, kInvalid,
       "extra_inputs[0].name", "decoder_tokens"},
      {"BadExtraToken",
       [](R* r) {
         r->add_extra_inputs()->set_name("decoder_tokens");
         r->mutable_extra_inputs(0)->add_ids(999);
       },
       kInvalid, "extra_inputs[0].ids[0]", "999"},
      {"TooManyExtraTokens",
       [](R* r) {
         r->add_extra_inputs()->set_name("decoder_tokens");
         r->mutable_extra_inputs(0)->mutable_ids()->Resize(65, 1);
       },
       kInvalid, "extra_inputs[0].ids", "at most 64"},
      {"ZeroTimeout", [](R* r) { r->mutable_timeout(); }, kInvalid, "timeout",
       "more than 0"},
      {"TimeoutThatIsNone",
       [](R* r) { r->mutable_timeout()->set_nanos(-1000000000); }, kInvalid,
       "timeout", "nanos"},
      {"UnknownPriority",
       [](R* r) { r->set_priority(static_cast<v1::Priority>(7)); }, kInvalid,
       "priority", "number 7"},
  };
}

std::vector<Case> HugeNameCases() {
  using R = v1::SegmentRequest;
  return {
      {"HugeSessionId", [](R* r) { r->set_session_id(Huge()); }, kInvalid,
       "session_id", "100000"},
      {"HugeHandleSession",
       [](R* r) {
         r->mutable_at()->mutable_handle()->set_session_id(Huge());
         r->mutable_at()->mutable_handle()->set_digest(std::string(32, 'x'));
       },
       kInvalid, "at.handle.session_id", "100000"},
      {"HugeOutput", [](R* r) { r->mutable_outputs()->add_names(Huge()); },
       kInvalid, "outputs.names[1]", "100000"},
      {"HugeOutputTwice",
       [](R* r) {
         r->mutable_outputs()->set_names(0, Huge());
         r->mutable_outputs()->add_names(Huge());
       },
       kInvalid, "outputs.names[0]", "100000"},
      {"HugeExtraInput", [](R* r) { r->add_extra_inputs()->set_name(Huge()); },
       kInvalid, "extra_inputs[0].name", "100000"},
  };
}

class MalformedSegmentTest : public ServerFixture,
                             public ::testing::WithParamInterface<Case> {
 protected:
  // Over TCP, where a client takes no more than 8 KiB of metadata.
  void SetUp() override {
    Start();
    segments_ = v1::Segments::NewStub(Connect());
  }

  v1::SegmentRequest Spoilt() {
    Open("a");
    v1::SegmentRequest request = Request("a", Range(0, 4));
    GetParam().spoil(&request);
    return request;
  }
  auto IsTheError() {
    return FailsWith(GetParam().code, AllOf(HasSubstr(GetParam().field),
                                            HasSubstr(GetParam().text)));
  }
};

TEST_P(MalformedSegmentTest, ProcessNamesTheFieldAndChangesNothing) {
  v1::SegmentReply reply;
  EXPECT_THAT(Process(Spoilt(), &reply), IsTheError());
  EXPECT_EQ(Get("a").head().step(), 0);
  EXPECT_EQ(Get("a").tail(), 0);
}

TEST_P(MalformedSegmentTest, StreamNamesTheFieldAndChangesNothing) {
  grpc::ClientContext context;
  const v1::SegmentRequest request = Spoilt();
  const StreamCall stream = segments_->Stream(&context);
  stream->Write(request);
  v1::SegmentReply reply;
  EXPECT_FALSE(stream->Read(&reply));
  EXPECT_THAT(stream->Finish(), IsTheError());
  EXPECT_EQ(Get("a").head().step(), 0);
}

INSTANTIATE_TEST_SUITE_P(, MalformedSegmentTest,
                         ::testing::ValuesIn(SegmentCases()),
                         [](const ::testing::TestParamInfo<Case>& c) {
                           return c.param.name;
                         });
INSTANTIATE_TEST_SUITE_P(HugeNames, MalformedSegmentTest,
                         ::testing::ValuesIn(HugeNameCases()),
                         [](const ::testing::TestParamInfo<Case>& c) {
                           return c.param.name;
                         });

class MalformedRequestTest : public ServerFixture {
 protected:
  void SetUp() override {
    more_models_.push_back(std::make_unique<FakeModel>(8, "other"));
    Start();
  }
};

TEST_F(MalformedRequestTest, EmptyOpen) {
  v1::Session session;
  EXPECT_THAT(TryOpen({}, &session),
              FailsWith(kInvalid, HasSubstr("session_id")));
}

TEST_F(MalformedRequestTest, OpenWithoutModelWhereThereAreTwo) {
  v1::OpenSessionRequest request;
  request.set_session_id("a");
  v1::Session session;
  EXPECT_THAT(TryOpen(request, &session),
              FailsWith(kNotFound, HasSubstr("model")));
}

TEST_F(MalformedRequestTest, OpenOnAnUnknownModel) {
  v1::OpenSessionRequest request;
  request.set_session_id("a");
  request.set_model("nope");
  v1::Session session;
  EXPECT_THAT(
      TryOpen(request, &session),
      FailsWith(kNotFound, AllOf(HasSubstr("model"), HasSubstr("nope"))));
}

TEST_F(MalformedRequestTest, OpenWithNumbersThatNameNothing) {
  v1::OpenSessionRequest request;
  request.set_session_id("a");
  request.set_model("fake");
  request.set_memory_policy(static_cast<v1::MemoryPolicy>(77));
  v1::Session session;
  EXPECT_THAT(TryOpen(request, &session),
              FailsWith(kInvalid, HasSubstr("memory_policy")));
  request.set_memory_policy(v1::CARRY);
  request.set_durability(static_cast<v1::Durability>(-1));
  EXPECT_THAT(TryOpen(request, &session),
              FailsWith(kInvalid, HasSubstr("durability")));
}

TEST_F(MalformedRequestTest, EmptyGetAndClose) {
  v1::Session session;
  EXPECT_THAT(TryGet("", &session),
              FailsWith(kInvalid, HasSubstr("session_id")));
  grpc::ClientContext context;
  v1::CloseSessionResponse closed;
  EXPECT_THAT(sessions_->Close(&context, {}, &closed),
              FailsWith(kInvalid, HasSubstr("session_id")));
}

TEST_F(MalformedRequestTest, GetAndCloseOfAnUnknownSession) {
  v1::Session session;
  EXPECT_THAT(TryGet("x", &session), FailsWith(kNotFound, HasSubstr("'x'")));
  grpc::ClientContext context;
  v1::CloseSessionRequest request;
  request.set_session_id("x");
  v1::CloseSessionResponse closed;
  EXPECT_THAT(sessions_->Close(&context, request, &closed),
              FailsWith(kNotFound, HasSubstr("'x'")));
}

TEST_F(MalformedRequestTest, ListWithABadPage) {
  grpc::ClientContext context;
  v1::ListSessionsRequest request;
  request.set_page_token("made up");
  v1::ListSessionsResponse reply;
  EXPECT_THAT(sessions_->List(&context, request, &reply),
              FailsWith(kInvalid, HasSubstr("page_token")));
  grpc::ClientContext second;
  request.clear_page_token();
  request.set_page_size(1001);
  EXPECT_THAT(sessions_->List(&second, request, &reply),
              FailsWith(kInvalid, HasSubstr("page_size")));
}

TEST_F(MalformedRequestTest, HugeNamesGetTheirOwnError) {
  // Over TCP, where the client takes no more than 8 KiB of metadata.
  const auto channel = Connect();
  const auto sessions = v1::Sessions::NewStub(channel);
  const auto call = [](const auto& method) {
    grpc::ClientContext context;
    return method(&context);
  };
  v1::Session session;
  const auto open = [&](const std::string& id, const std::string& model) {
    v1::OpenSessionRequest request;
    request.set_session_id(id);
    request.set_model(model);
    return call([&](auto* c) { return sessions->Open(c, request, &session); });
  };
  EXPECT_THAT(open(Huge(), "fake"), FailsWith(kInvalid, HasSubstr("session_")));
  EXPECT_THAT(open("a", Huge()), FailsWith(kNotFound, HasSubstr("model")));
  v1::GetSessionRequest get;
  get.set_session_id(Huge());
  EXPECT_THAT(call([&](auto* c) { return sessions->Get(c, get, &session); }),
              FailsWith(kInvalid, HasSubstr("session_id")));
  v1::CloseSessionRequest close;
  close.set_session_id(Huge());
  v1::CloseSessionResponse closed;
  EXPECT_THAT(call([&](auto* c) { return sessions->Close(c, close, &closed); }),
              FailsWith(kInvalid, HasSubstr("session_id")));
  v1::ListSessionsRequest list;
  list.set_page_token(Huge());
  v1::ListSessionsResponse listed;
  EXPECT_THAT(call([&](auto* c) { return sessions->List(c, list, &listed); }),
              FailsWith(kInvalid, HasSubstr("page_token")));
  list.clear_page_token();
  list.set_model(Huge());
  EXPECT_TRUE(
      call([&](auto* c) { return sessions->List(c, list, &listed); }).ok());
}

TEST_F(MalformedRequestTest, AHugeModelNameIsNotFound) {
  const auto models = v1::Models::NewStub(Connect());
  grpc::ClientContext context;
  v1::GetModelRequest request;
  request.set_name(Huge());
  v1::Model model;
  EXPECT_THAT(models->Get(&context, request, &model),
              FailsWith(kNotFound, HasSubstr("100000 bytes")));
}

}  // namespace
}  // namespace mneme
