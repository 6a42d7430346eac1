#include "model/checkpoint/fingerprint.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace mneme {
namespace {

// With its length in front, so that no two lists of fields read the same.
void AddField(Sha256& hash, absl::string_view field) {
  hash.Update(absl::StrCat(field.size(), ":")).Update(field);
}

}  // namespace

Digest Fingerprint(absl::string_view canonical_config,
                   const StoredTensors& tensors) {
  Sha256 hash;
  AddField(hash, "mneme-model-1");
  AddField(hash, canonical_config);
  for (const auto& [name, tensor] : tensors) {
    AddField(hash, name);
    AddField(hash, tensor.dtype_name);
    AddField(hash, absl::StrJoin(tensor.shape, ","));
    AddField(hash, tensor.data);
  }
  return hash.Finish();
}

}  // namespace mneme
