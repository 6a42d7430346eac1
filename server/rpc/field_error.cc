#include "server/rpc/field_error.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace mneme {
namespace {

constexpr size_t kMaxQuoted = 80;

}  // namespace

absl::Status FieldError(absl::string_view field, absl::string_view text) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", text));
}

std::string Quoted(absl::string_view bytes) {
  if (bytes.size() <= kMaxQuoted) {
    return absl::StrCat("'", absl::CHexEscape(bytes), "'");
  }
  return absl::StrCat("'", absl::CHexEscape(bytes.substr(0, kMaxQuoted)),
                      "...' (", bytes.size(), " bytes)");
}

}  // namespace mneme
