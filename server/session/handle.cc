#include "server/session/handle.h"

#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/base/quoted.h"

namespace mneme {

std::string MemoryHandle::ToString() const {
  return absl::StrCat(session_id, "/", step, "/",
                      absl::BytesToHexString(AsBytes(digest)));
}

absl::StatusOr<MemoryHandle> MemoryHandle::Parse(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '/');
  const auto bad = [&](absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("handle ", Quoted(text), ": ", why,
                     "; expected session/step/64 hex digits"));
  };
  if (parts.size() != 3) return bad("it has not three parts");
  MemoryHandle handle;
  handle.session_id = std::string(parts[0]);
  if (handle.session_id.empty()) return bad("the session is empty");
  if (!absl::SimpleAtoi(parts[1], &handle.step)) return bad("bad step");
  const std::string bytes = absl::HexStringToBytes(parts[2].substr(0, 64));
  std::copy(bytes.begin(), bytes.end(), handle.digest.begin());
  if (handle.ToString() != text) return bad("bad step or digest");
  return handle;
}

}  // namespace mneme
