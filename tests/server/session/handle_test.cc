#include "server/session/handle.h"

#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::testing::HasSubstr;

TEST(HandleTest, PrintsAndParsesBack) {
  MemoryHandle handle;
  handle.session_id = "a-session.1";
  handle.step = 18446744073709551615ULL;
  handle.digest[0] = 0xab;
  handle.digest[31] = 0x01;
  EXPECT_THAT(handle.ToString(),
              ::testing::StartsWith("a-session.1/18446744073709551615/ab00"));
  EXPECT_THAT(MemoryHandle::Parse(handle.ToString()), IsOkAndHolds(handle));
}

TEST(HandleTest, RefusesWhatItWouldNotPrint) {
  const std::string hex(64, 'a');
  for (const std::string& text : std::vector<std::string>{
           "", "s", "s/1", "/1/" + hex, "s/-1/" + hex, "s/01/" + hex,
           "s/1/" + hex + "a", "s/1/" + hex.substr(1),
           "s/1/" + std::string(64, 'g'), "s/1/" + std::string(64, 'A'),
           "s/1/" + hex + "/", "s/18446744073709551616/" + hex}) {
    EXPECT_THAT(MemoryHandle::Parse(text),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("session/step/64 hex digits")))
        << text;
  }
}

}  // namespace
}  // namespace mneme
