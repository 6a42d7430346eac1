#include "server/rpc/field_error.h"

#include "absl/strings/str_cat.h"

namespace mneme {

absl::Status FieldError(absl::string_view field, absl::string_view text) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", text));
}

}  // namespace mneme
