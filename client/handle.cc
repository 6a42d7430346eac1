#include "client/handle.h"

#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace mneme::client {
namespace {

constexpr size_t kHexDigits = 64;

bool IsHex(absl::string_view text) {
  return text.find_first_not_of("0123456789abcdefABCDEF") ==
         absl::string_view::npos;
}

absl::Status Malformed(absl::string_view text, absl::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat(
      "memory handle '", text, "': ", expected, " (session/step/hex digest)"));
}

}  // namespace

std::string ToString(const MemoryHandle& handle) {
  return absl::StrCat(handle.session_id, "/", handle.step, "/",
                      absl::BytesToHexString(handle.digest));
}

absl::StatusOr<MemoryHandle> ParseMemoryHandle(absl::string_view text) {
  std::vector<absl::string_view> parts = absl::StrSplit(text, '/');
  if (parts.size() != 3) return Malformed(text, "expected three parts");
  if (parts[0].empty()) return Malformed(text, "the session is empty");
  MemoryHandle handle;
  handle.session_id = std::string(parts[0]);
  if (!absl::SimpleAtoi(parts[1], &handle.step)) {
    return Malformed(text, "the step is not a number");
  }
  if (parts[2].size() != kHexDigits || !IsHex(parts[2])) {
    return Malformed(text, "the digest is not 64 hex digits");
  }
  handle.digest = absl::HexStringToBytes(parts[2]);
  return handle;
}

}  // namespace mneme::client
