#ifndef MNEME_MODEL_CHECKPOINT_JSON_DEPTH_H_
#define MNEME_MODEL_CHECKPOINT_JSON_DEPTH_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace mneme {

// Whether the arrays and objects of a JSON text lie more than `levels` deep in
// each other, as far as the text is JSON. Asked before a file is parsed: the
// JSON library copies and prints a value by one call a level, and its parser
// keeps a pointer a level, so that a file of brackets would overflow the stack
// or fill memory. A pure function.
bool NestedDeeperThan(absl::string_view json, int64_t levels);

}  // namespace mneme

#endif  // MNEME_MODEL_CHECKPOINT_JSON_DEPTH_H_
