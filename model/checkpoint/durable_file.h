#ifndef MNEME_MODEL_CHECKPOINT_DURABLE_FILE_H_
#define MNEME_MODEL_CHECKPOINT_DURABLE_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace mneme {

// Writes a file of these parts that appears whole or not at all and is on the
// disk afterwards (its name is when SyncFolder() was called on its folder).
// Errors name `path`. From any thread, one a path.
absl::Status WriteDurably(const std::string& path,
                          absl::Span<const absl::string_view> parts);
inline absl::Status WriteDurably(const std::string& path,
                                 absl::string_view bytes) {
  return WriteDurably(path, absl::MakeConstSpan(&bytes, 1));
}

// Puts what was created, renamed and removed in a folder on the disk.
absl::Status SyncFolder(const std::string& folder);

}  // namespace mneme

#endif  // MNEME_MODEL_CHECKPOINT_DURABLE_FILE_H_
