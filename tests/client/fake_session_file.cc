#include "tests/client/fake_session_file.h"

#include <algorithm>
#include <utility>

#include "gtest/gtest.h"
#include "server/session/session_file.h"
#include "tests/client/error_status.h"

namespace mneme::testing {

std::string FakeSessionFile(const FakeSession& session, uint64_t step) {
  const v1::MemoryHandle handle = session.HandleAt(step);
  const std::string text = session.TextAt(step);
  SessionManifest manifest;
  manifest.handle.session_id = handle.session_id();
  manifest.handle.step = step;
  std::copy(handle.digest().begin(), handle.digest().end(),
            manifest.handle.digest.begin());
  manifest.model = "fake";
  manifest.fingerprint.fill(0xfa);
  manifest.numeric_mode = "exact";
  manifest.policy = session.spec().memory_policy() == v1::RESET
                        ? MemoryPolicy::kReset
                        : MemoryPolicy::kCarry;
  manifest.memory = {
      {"memory", DType::kUint8, {static_cast<int64_t>(text.size())}}};
  manifest.exported = absl::FromUnixSeconds(1'700'000'000);
  const auto header = EncodeSessionFileHeader(manifest, text, "");
  EXPECT_TRUE(header.ok()) << header.status();
  return header.value_or("") + text;
}

grpc::Status ReadFakeSessionFile(const std::string& file,
                                 v1::OpenSessionRequest spec,
                                 uint32_t segment_size, uint64_t retained,
                                 FakeSession& session) {
  const auto parsed = ParseSessionFile(file, "");
  if (!parsed.ok()) {
    return ErrorStatus(static_cast<grpc::StatusCode>(parsed.status().code()),
                       std::string(parsed.status().message()), "");
  }
  const SessionManifest& manifest = parsed->manifest;
  spec.set_memory_policy(manifest.policy == MemoryPolicy::kReset ? v1::RESET
                                                                 : v1::CARRY);
  v1::MemoryHandle at;
  at.set_step(manifest.handle.step);
  at.set_digest(std::string(AsBytes(manifest.handle.digest)));
  session = FakeSession::Imported(std::move(spec), segment_size, retained, at,
                                  std::string(parsed->value));
  return grpc::Status::OK;
}

}  // namespace mneme::testing
