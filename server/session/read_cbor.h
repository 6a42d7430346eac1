#ifndef MNEME_SERVER_SESSION_READ_CBOR_H_
#define MNEME_SERVER_SESSION_READ_CBOR_H_

#include <nlohmann/json.hpp>

#include "absl/strings/string_view.h"

namespace mneme {

// What the bytes say; discarded: they are no CBOR. The library throws for
// lengths that no memory could hold, whatever it is told of exceptions.
inline nlohmann::json ReadCbor(absl::string_view bytes) {
  try {
    return nlohmann::json::from_cbor(bytes.begin(), bytes.end(),
                                     /*strict=*/true,
                                     /*allow_exceptions=*/false);
  } catch (const nlohmann::json::exception&) {
    return nlohmann::json(nlohmann::json::value_t::discarded);
  }
}

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_READ_CBOR_H_
