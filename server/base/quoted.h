#ifndef MNEME_SERVER_BASE_QUOTED_H_
#define MNEME_SERVER_BASE_QUOTED_H_

#include <string>

#include "absl/strings/string_view.h"

namespace mneme {

// What an error may quote of bytes that a client chose, in single quotes:
// printable, and so short that several fit into gRPC's 8 KiB of metadata (above
// which the client sees another status). What is cut off is counted. A pure
// function.
std::string Quoted(absl::string_view bytes);

}  // namespace mneme

#endif  // MNEME_SERVER_BASE_QUOTED_H_
