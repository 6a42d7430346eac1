#include <grpcpp/grpcpp.h>

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/session/session_file.h"
#include "tests/server/rpc/server_fixture.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::testing::HasSubstr;

class ExportImportTest : public ServerFixture {
 protected:
  ExportImportTest() { config_.export_key = "a key"; }

  void Apply(const std::string& id, const std::vector<int32_t>& tokens,
             v1::SegmentReply* reply) {
    const grpc::Status status = Process(Request(id, tokens), reply);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }

  grpc::Status Export(const v1::ExportSessionRequest& request,
                      std::string* file) {
    grpc::ClientContext context;
    const auto stream = sessions_->Export(&context, request);
    v1::ExportSessionChunk chunk;
    while (stream->Read(&chunk)) file->append(chunk.data());
    return stream->Finish();
  }
  grpc::Status Export(const std::string& id, std::string* file) {
    v1::ExportSessionRequest request;
    request.set_session_id(id);
    return Export(request, file);
  }

  // In pieces of `piece` bytes.
  grpc::Status Import(const std::string& id, const std::string& file,
                      v1::Session* session, size_t piece = 64) {
    grpc::ClientContext context;
    const auto stream = sessions_->Import(&context, session);
    v1::ImportSessionRequest message;
    message.set_session_id(id);
    for (size_t at = 0; at < file.size() || at == 0; at += piece) {
      message.set_data(file.substr(at, piece));
      if (!stream->Write(message)) break;
      message.Clear();
    }
    stream->WritesDone();
    return stream->Finish();
  }
};

TEST_F(ExportImportTest, AnImportedSessionGoesOnAsTheExportedOne) {
  Open("a");
  v1::SegmentReply reply;
  Apply("a", Range(0, 8), &reply);
  std::string file;
  ASSERT_TRUE(Export("a", &file).ok());
  v1::Session session;
  const grpc::Status status = Import("b", file, &session);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(session.session_id(), "b");
  EXPECT_EQ(session.head().session_id(), "b");
  EXPECT_EQ(session.head().step(), 2);
  EXPECT_EQ(session.head().digest(), reply.head().digest());
  EXPECT_EQ(session.retained_size(), 1);
  Apply("b", Range(8, 4), &reply);
  EXPECT_EQ(LastSum(reply), Sum(Range(0, 12)));
  EXPECT_EQ(Rpcs("Sessions.Export", "OK"), 1);
  EXPECT_EQ(Rpcs("Sessions.Import", "OK"), 1);
}

TEST_F(ExportImportTest, TheFileSaysWhatItHolds) {
  Open("a");
  v1::SegmentReply reply;
  Apply("a", Range(0, 12), &reply);
  v1::ExportSessionRequest request;
  request.set_session_id("a");
  *request.mutable_from() = reply.segments(1).result().handle();
  std::string file;
  ASSERT_TRUE(Export(request, &file).ok());
  ASSERT_OK_AND_ASSIGN(const ParsedSessionFile parsed,
                       ParseSessionFile(file, "a key"));
  EXPECT_TRUE(parsed.authentic);
  EXPECT_EQ(parsed.manifest.handle.session_id, "a");
  EXPECT_EQ(parsed.manifest.handle.step, 2u);
  EXPECT_EQ(parsed.manifest.model, "fake");
  EXPECT_EQ(static_cast<int64_t>(parsed.value.size()),
            model_->spec().memory_bytes());
}

TEST_F(ExportImportTest, OnlyAValueThatIsRetainedIsExported) {
  const v1::Session opened = Open("a");
  std::string file;
  EXPECT_THAT(Export("a", &file),
              FailsWith(grpc::StatusCode::INVALID_ARGUMENT,
                        HasSubstr("from: the value of step 0")));
  EXPECT_THAT(Export("none", &file),
              FailsWith(grpc::StatusCode::NOT_FOUND, HasSubstr("session_id")));
  v1::ExportSessionRequest request;
  request.set_session_id("a");
  *request.mutable_from() = opened.head();
  request.mutable_from()->set_step(7);
  EXPECT_THAT(Export(request, &file),
              FailsWith(grpc::StatusCode::ABORTED, HasSubstr("from")));
  EXPECT_EQ(file, "");
  AwaitMetric("mneme_calls", 0);
}

TEST_F(ExportImportTest, ADamagedOrForeignFileLeavesNoSession) {
  Open("a");
  v1::SegmentReply reply;
  Apply("a", Range(0, 4), &reply);
  std::string file;
  ASSERT_TRUE(Export("a", &file).ok());
  v1::Session session;
  std::string damaged = file;
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  EXPECT_EQ(Import("b", damaged, &session).error_code(),
            grpc::StatusCode::DATA_LOSS);
  EXPECT_EQ(Import("b", file.substr(0, 100), &session).error_code(),
            grpc::StatusCode::DATA_LOSS);
  EXPECT_EQ(Import("b", "not a file", &session).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(TryGet("b", &session).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Import("a", file, &session).error_code(),
            grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_TRUE(Import("b", file, &session).ok());
}

TEST_F(ExportImportTest, AForgedValueReachesNobodyElse) {
  Open("a");
  v1::SegmentReply reply;
  Apply("a", Range(0, 8), &reply);
  std::string file;
  ASSERT_TRUE(Export("a", &file).ok());
  ASSERT_OK_AND_ASSIGN(const ParsedSessionFile parsed,
                       ParseSessionFile(file, "a key"));
  grpc::ClientContext context;
  v1::CloseSessionRequest close;
  close.set_session_id("a");
  v1::CloseSessionResponse closed;
  ASSERT_TRUE(sessions_->Close(&context, close, &closed).ok());
  // A true digest with false bytes: whoever has no key cannot sign it.
  std::string value(parsed.value);
  value[0] = static_cast<char>(value[0] ^ 1);
  ASSERT_OK_AND_ASSIGN(const std::string header,
                       EncodeSessionFileHeader(parsed.manifest, value, ""));
  v1::Session forged;
  ASSERT_TRUE(Import("forged", header + value, &forged).ok());
  EXPECT_EQ(forged.head().digest(), reply.head().digest());
  Open("b");
  Apply("b", Range(0, 8), &reply);
  EXPECT_EQ(reply.head().digest(), forged.head().digest());
  EXPECT_EQ(LastSum(reply), Sum(Range(0, 8)));
  // Exported again, it is not signed either.
  std::string again;
  ASSERT_TRUE(Export("forged", &again).ok());
  EXPECT_FALSE(ParseSessionFile(again, "a key")->authentic);
  Apply("forged", Range(8, 4), &reply);
  EXPECT_NE(LastSum(reply), Sum(Range(0, 12)));
  Apply("b", Range(8, 4), &reply);
  EXPECT_EQ(LastSum(reply), Sum(Range(0, 12)));
}

TEST_F(ExportImportTest, AFileOfOtherWeightsIsAMismatch) {
  Open("a");
  v1::SegmentReply reply;
  Apply("a", Range(0, 4), &reply);
  std::string file;
  ASSERT_TRUE(Export("a", &file).ok());
  model_->mutable_spec()->fingerprint.fill(9);
  v1::Session session;
  const CallError error = ErrorOf(Import("b", file, &session));
  EXPECT_EQ(error.code, grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(error.reason, "MODEL_MISMATCH");
}

TEST_F(ExportImportTest, AFileThatIsTooLongIsRefusedBeforeItsEnd) {
  v1::Session session;
  const std::string endless(4 << 20, 'x');
  EXPECT_THAT(Import("b", endless, &session, 1 << 16),
              FailsWith(grpc::StatusCode::INVALID_ARGUMENT, HasSubstr("data")));
  AwaitMetric("mneme_calls", 0);
  AwaitMetric("mneme_queue_bytes", 0);
}

TEST_F(ExportImportTest, LaterMessagesMustAgreeWithTheFirst) {
  grpc::ClientContext context;
  v1::Session session;
  const auto stream = sessions_->Import(&context, &session);
  v1::ImportSessionRequest message;
  message.set_session_id("b");
  stream->Write(message);
  message.set_session_id("c");
  stream->Write(message);
  stream->WritesDone();
  EXPECT_THAT(stream->Finish(), FailsWith(grpc::StatusCode::INVALID_ARGUMENT,
                                          HasSubstr("session_id")));
  grpc::ClientContext empty;
  const auto nothing = sessions_->Import(&empty, &session);
  nothing->WritesDone();
  EXPECT_THAT(nothing->Finish(), FailsWith(grpc::StatusCode::INVALID_ARGUMENT,
                                           HasSubstr("session_id")));
}

TEST_F(ExportImportTest, ACallerThatGoesAwayLeavesNoSession) {
  Open("a");
  v1::SegmentReply reply;
  Apply("a", Range(0, 4), &reply);
  std::string file;
  ASSERT_TRUE(Export("a", &file).ok());
  {
    grpc::ClientContext context;
    v1::Session session;
    const auto stream = sessions_->Import(&context, &session);
    v1::ImportSessionRequest message;
    message.set_session_id("b");
    message.set_data(file);
    ASSERT_TRUE(stream->Write(message));
    AwaitMetric("mneme_calls", 1);
    context.TryCancel();
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  AwaitMetric("mneme_calls", 0);
  v1::Session session;
  EXPECT_EQ(TryGet("b", &session).error_code(), grpc::StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace mneme
