#ifndef MNEME_SERVER_RPC_FIELD_ERROR_H_
#define MNEME_SERVER_RPC_FIELD_ERROR_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace mneme {

// INVALID_ARGUMENT "field: text". `field` is a path in the request's message
// ("at.handle.digest") or "metadata NAME".
absl::Status FieldError(absl::string_view field, absl::string_view text);

// What an error may quote of a request's bytes: printable, and not too many.
std::string Quoted(absl::string_view bytes);

}  // namespace mneme

#endif  // MNEME_SERVER_RPC_FIELD_ERROR_H_
