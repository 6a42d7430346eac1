// Export and Import of the client.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/client_fixture.h"

namespace mneme::client {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

constexpr char kTwo[] = "12345678abcdefgh";  // segments

class ClientTransferTest : public ClientTest {
 protected:
  // The exported file, or what has come of it before an error.
  absl::Status Export(const std::string& session,
                      const MemoryHandle* from = nullptr) {
    file_.clear();
    return client_->ExportSession(session, from, [&](absl::string_view piece) {
      file_.append(piece.data(), piece.size());
      return absl::OkStatus();
    });
  }

  // Imports file_, in pieces.
  absl::StatusOr<SessionInfo> Import(const SessionSpec& spec,
                                     size_t piece_bytes = 50) {
    size_t at = 0;
    return client_->ImportSession(spec, [&]() -> absl::StatusOr<std::string> {
      std::string piece = file_.substr(at, piece_bytes);
      at += piece.size();
      return piece;
    });
  }

  static SessionSpec Spec(const std::string& id) {
    SessionSpec spec;
    spec.session_id = id;
    return spec;
  }

  std::string file_;
};

TEST_F(ClientTransferTest, WhatWasExportedIsImportedAsAnotherSession) {
  const SessionInfo session = OpenWith("a", kTwo);
  ASSERT_THAT(Export("a"), IsOk());
  EXPECT_EQ(server_.session_metadata().back(), "a");
  SessionSpec spec = Spec("b");
  spec.model = "fake";
  spec.durability = Durability::kMemory;
  ASSERT_OK_AND_ASSIGN(const SessionInfo imported, Import(spec));
  EXPECT_EQ(server_.session_metadata().back(), "b");
  EXPECT_EQ(imported.session_id, "b");
  EXPECT_EQ(imported.durability, Durability::kMemory);
  EXPECT_EQ(imported.head.handle.step, 2u);
  EXPECT_EQ(imported.head.handle.digest, session.head.handle.digest);
  EXPECT_EQ(imported.retained.size(), 1u);
  EXPECT_EQ(server_.TextOf("b"), kTwo);
}

TEST_F(ClientTransferTest, AnOlderValueIsExported) {
  const MemoryHandle from = OpenWith("a", kTwo).retained[1];
  ASSERT_THAT(Export("a", &from), IsOk());
  ASSERT_OK_AND_ASSIGN(const SessionInfo imported, Import({}));
  EXPECT_THAT(imported.session_id, MatchesRegex("[0-9a-f]{32}"));
  EXPECT_EQ(imported.head.handle.step, 1u);
  EXPECT_EQ(server_.TextOf(imported.session_id), "12345678");
}

TEST_F(ClientTransferTest, AnExportThatBreaksIsAnError) {
  OpenWith("a", kTwo);
  server_.BreakExports(2, {grpc::StatusCode::UNAVAILABLE, "gone"});
  EXPECT_THAT(Export("a"),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("gone")));
  EXPECT_EQ(file_.size(), 200u);
  EXPECT_THAT(Export("none"), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(ClientTransferTest, AnErrorOfTheSinkEndsTheExport) {
  OpenWith("a", kTwo);
  int pieces = 0;
  EXPECT_THAT(
      client_->ExportSession("a", nullptr,
                             [&](absl::string_view) {
                               ++pieces;
                               return absl::DataLossError("the disk is full");
                             }),
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("the disk is full")));
  EXPECT_EQ(pieces, 1);
}

TEST_F(ClientTransferTest, WhatIsNoWholeFileMakesNoSession) {
  OpenWith("a", kTwo);
  ASSERT_THAT(Export("a"), IsOk());
  const std::string whole = file_;
  file_.back() ^= 1;
  EXPECT_THAT(Import(Spec("b")), StatusIs(absl::StatusCode::kDataLoss));
  file_ = whole.substr(0, whole.size() - 1);
  EXPECT_THAT(Import(Spec("b")), StatusIs(absl::StatusCode::kDataLoss));
  file_ = "a text, and no file of tensors";
  EXPECT_THAT(Import(Spec("b")), StatusIs(absl::StatusCode::kInvalidArgument));
  file_ = "";
  EXPECT_THAT(Import(Spec("b")), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_EQ(server_.session_count(), 1u);
}

TEST_F(ClientTransferTest, ErrorsOfTheServerAreReturned) {
  OpenWith("a", kTwo);
  ASSERT_THAT(Export("a"), IsOk());
  EXPECT_THAT(Import(Spec("a")), StatusIs(absl::StatusCode::kAlreadyExists));
  SessionSpec spec = Spec("b");
  spec.model = "other";
  EXPECT_THAT(Import(spec), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(ClientTransferTest, AnErrorOfTheSourceMakesNoSession) {
  OpenWith("a", kTwo);
  ASSERT_THAT(Export("a"), IsOk());
  bool given = false;
  const auto imported =
      client_->ImportSession(Spec("b"), [&]() -> absl::StatusOr<std::string> {
        if (given) return absl::NotFoundError("the file is gone");
        given = true;
        return file_;
      });
  EXPECT_THAT(imported, StatusIs(absl::StatusCode::kNotFound,
                                 HasSubstr("the file is gone")));
  server_.Kill();  // until the call has ended on the server too
  EXPECT_EQ(server_.session_count(), 1u);
  server_.Restart();
}

}  // namespace
}  // namespace mneme::client
