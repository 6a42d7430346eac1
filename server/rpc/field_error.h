#ifndef MNEME_SERVER_RPC_FIELD_ERROR_H_
#define MNEME_SERVER_RPC_FIELD_ERROR_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/base/quoted.h"

namespace mneme {

// INVALID_ARGUMENT "field: text". `field` is a path in the request's message
// ("at.handle.digest") or "metadata NAME". `text` quotes a request's bytes with
// Quoted().
absl::Status FieldError(absl::string_view field, absl::string_view text);

}  // namespace mneme

#endif  // MNEME_SERVER_RPC_FIELD_ERROR_H_
