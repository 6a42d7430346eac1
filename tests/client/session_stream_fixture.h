#ifndef MNEME_TESTS_CLIENT_SESSION_STREAM_FIXTURE_H_
#define MNEME_TESTS_CLIENT_SESSION_STREAM_FIXTURE_H_

#include <memory>
#include <string>

#include "client/client.h"
#include "client/session_stream.h"
#include "gtest/gtest.h"
#include "tests/client/collecting_handler.h"
#include "tests/client/fake_server.h"
#include "tests/client/manual_timer.h"
#include "tests/testing/status_matchers.h"

namespace mneme::client {

// 43 bytes: five segments of 8 and a short one.
inline constexpr char kText[] = "The quick brown fox jumps over the lazy dog";
inline constexpr uint32_t kSegment = 8;

class SessionStreamTest : public ::testing::Test {
 protected:
  void StartServer(testing::FakeServer::Options options = {}) {
    server_ = std::make_unique<testing::FakeServer>(options);
    Client::Options client_options;
    client_options.server = server_->address();
    client_options.timer = timer_;
    auto client = Client::Create(client_options);
    ASSERT_THAT(client, IsOk());
    client_ = *std::move(client);
  }

  StreamOptions OptionsFor(const std::string& session_id) {
    SessionSpec spec;
    spec.session_id = session_id;
    auto session = client_->OpenSession(spec);
    EXPECT_THAT(session, IsOk());
    StreamOptions options;
    if (session.ok()) options.at = session->head.handle;
    options.segment_size = kSegment;
    options.text = true;
    options.outputs.names = {"log_probs", "argmax"};
    options.buffer_tokens = 1000;
    return options;
  }

  void Open(StreamOptions options) {
    auto stream = client_->Stream(std::move(options), &handler_);
    ASSERT_THAT(stream, IsOk());
    stream_ = *std::move(stream);
  }

  // Writes the text, flushes, finishes and waits.
  absl::Status Send(const std::string& text) {
    RETURN_IF_ERROR(stream_->WriteText(text));
    RETURN_IF_ERROR(stream_->Flush());
    RETURN_IF_ERROR(stream_->Finish());
    return stream_->Wait();
  }

  // The whole of kText was applied once, and answered once, in order.
  void ExpectEachSegmentOnce(const std::string& session_id) {
    EXPECT_EQ(server_->TextOf(session_id), kText);
    std::vector<SegmentResult> segments = handler_.segments();
    ASSERT_THAT(segments, ::testing::SizeIs(6));
    std::string digest = testing::FakeDigest("initial", "");
    for (size_t i = 0; i < segments.size(); ++i) {
      std::string tokens = std::string(kText).substr(i * kSegment, kSegment);
      digest = testing::FakeDigest(digest, tokens);
      EXPECT_EQ(segments[i].handle, (MemoryHandle{session_id, i + 1, digest}));
      EXPECT_EQ(segments[i].num_tokens, tokens.size());
    }
    EXPECT_EQ(handler_.done(), 1);
  }

  // By default a retry's wait ends at once.
  std::shared_ptr<testing::ManualTimer> timer_ =
      std::make_shared<testing::ManualTimer>(true);
  std::unique_ptr<testing::FakeServer> server_;
  std::unique_ptr<Client> client_;
  testing::CollectingHandler handler_;
  std::unique_ptr<SessionStream> stream_;
};

}  // namespace mneme::client

#endif  // MNEME_TESTS_CLIENT_SESSION_STREAM_FIXTURE_H_
