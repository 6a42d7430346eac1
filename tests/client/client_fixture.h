#ifndef MNEME_TESTS_CLIENT_CLIENT_FIXTURE_H_
#define MNEME_TESTS_CLIENT_CLIENT_FIXTURE_H_

#include <memory>
#include <string>
#include <utility>

#include "client/client.h"
#include "gtest/gtest.h"
#include "tests/client/fake_server.h"
#include "tests/testing/status_matchers.h"

namespace mneme::client {

// A client of a FakeServer, whose segments have 8 tokens.
class ClientTest : public ::testing::Test {
 protected:
  ClientTest() {
    Client::Options options;
    options.server = server_.address();
    auto client = Client::Create(options);
    if (client.ok()) client_ = *std::move(client);
  }
  void SetUp() override { ASSERT_NE(client_, nullptr); }

  // Opens a session and applies `text` to it.
  SessionInfo OpenWith(const std::string& id, const std::string& text) {
    SessionSpec spec;
    spec.session_id = id;
    EXPECT_THAT(client_->OpenSession(spec), IsOk());
    server_.WriteAsSomebodyElse(id, text);
    auto session = client_->GetSession(id);
    EXPECT_THAT(session, IsOk());
    return session.value_or(SessionInfo());
  }

  testing::FakeServer server_;
  std::unique_ptr<Client> client_;
};

}  // namespace mneme::client

#endif  // MNEME_TESTS_CLIENT_CLIENT_FIXTURE_H_
