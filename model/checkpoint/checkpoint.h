#ifndef MNEME_MODEL_CHECKPOINT_CHECKPOINT_H_
#define MNEME_MODEL_CHECKPOINT_CHECKPOINT_H_

#include <string>

#include "absl/status/statusor.h"
#include "model/checkpoint/safetensors.h"
#include "nlohmann/json.hpp"

namespace mneme {

// A JSON file of a model folder. NOT_FOUND, or INVALID_ARGUMENT when it is not
// JSON, or nested deeper than any config is.
absl::StatusOr<nlohmann::json> ReadJsonFile(const std::string& path);

// All tensors of a model folder, as named in its files: model.safetensors, or
// the shards that model.safetensors.index.json lists (each tensor must be in
// the shard that the index says, and nothing else in any). UNIMPLEMENTED, with
// how to convert, when the folder holds only pickles.
absl::StatusOr<StoredTensors> ReadCheckpoint(const std::string& folder);

// How the files of a model folder spell our names of tensors. A plain value.
// Like all functions here, callable from any thread.
struct KeySpelling {
  std::string file;      // model.safetensors or, where there is none, its index
  bool wrapped = false;  // by the reference: "memory_cell.model.X" for "X"
  bool bare_gpt2 = false;  // GPT-2's own file: without "transformer."

  // The key of the tensor that we call `name`, whether it is there or not.
  std::string KeyOf(absl::string_view name) const;
};
// `stored`: what ReadCheckpoint(folder) returned.
KeySpelling SpellingOf(const std::string& folder, const StoredTensors& stored,
                       const nlohmann::json& backbone);

// The checkpoint's tensors under our names, which are the reference's own
// without its wrappers: "memory" and the backbone's keys.
//  - "memory_cell.memory" -> "memory"; "memory_cell.model.X" -> "X"; a plain
//    Hugging Face checkpoint's "X" -> "X"; GPT-2's own file without
//    "transformer." gets it; "embed_out.weight" -> "lm_head.weight".
//  - Buffers that old files carry are dropped: attn.bias, attn.masked_bias,
//    attention.bias, attention.masked_bias, rotary_emb.inv_freq.
//  - A head that is byte for byte the embedding is dropped where the config
//    ties them; one that differs stays and is used.
// INVALID_ARGUMENT when two keys mean one tensor.
absl::StatusOr<StoredTensors> CanonicalTensors(const StoredTensors& stored,
                                               const nlohmann::json& backbone);

}  // namespace mneme

#endif  // MNEME_MODEL_CHECKPOINT_CHECKPOINT_H_
