#ifndef MNEME_MODEL_TRAIN_FLAG_CHECKS_H_
#define MNEME_MODEL_TRAIN_FLAG_CHECKS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "model/train/corpus.h"

namespace mneme {

// The checks that the tasks of mneme-train share. Each gives INVALID_ARGUMENT
// that names the flag, its value and what was expected.

absl::Status Refuse(absl::string_view flag, const absl::AlphaNum& value,
                    absl::string_view expected);

absl::Status CheckAtLeast(absl::string_view flag, int64_t value, int64_t least);

// --data, --data-sha256 and the three of --train-bytes.
absl::Status CheckText(const std::string& data, const std::string& sha256,
                       const SplitSizes& splits);

}  // namespace mneme

#endif  // MNEME_MODEL_TRAIN_FLAG_CHECKS_H_
