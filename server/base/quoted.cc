#include "server/base/quoted.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace mneme {
namespace {

constexpr size_t kMaxQuoted = 80;

}  // namespace

std::string Quoted(absl::string_view bytes) {
  if (bytes.size() <= kMaxQuoted) {
    return absl::StrCat("'", absl::CHexEscape(bytes), "'");
  }
  return absl::StrCat("'", absl::CHexEscape(bytes.substr(0, kMaxQuoted)),
                      "...' (", bytes.size(), " bytes)");
}

}  // namespace mneme
