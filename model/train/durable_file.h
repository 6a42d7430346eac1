#ifndef MNEME_MODEL_TRAIN_DURABLE_FILE_H_
#define MNEME_MODEL_TRAIN_DURABLE_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace mneme {

// Writes a file that appears whole or not at all and is on the disk afterwards
// (its name is when SyncFolder() was called on its folder). Errors name `path`.
absl::Status WriteDurably(const std::string& path, absl::string_view bytes);

// Puts what was created, renamed and removed in a folder on the disk.
absl::Status SyncFolder(const std::string& folder);

}  // namespace mneme

#endif  // MNEME_MODEL_TRAIN_DURABLE_FILE_H_
