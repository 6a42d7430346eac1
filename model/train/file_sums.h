#ifndef MNEME_MODEL_TRAIN_FILE_SUMS_H_
#define MNEME_MODEL_TRAIN_FILE_SUMS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace mneme {

// The file of a folder that holds the checksums of the others, in the format of
// sha256sum(1), so that `sha256sum -c` checks a folder too.
inline constexpr char kSumsFile[] = "SHA256SUMS";

// Writes it, for these files of the folder, in this order.
absl::Status WriteSums(const std::string& folder,
                       const std::vector<std::string>& names);

// The names in it, in its order, once each file has the bytes it had. Else
// DATA_LOSS that names the file.
absl::StatusOr<std::vector<std::string>> CheckSums(const std::string& folder);

}  // namespace mneme

#endif  // MNEME_MODEL_TRAIN_FILE_SUMS_H_
