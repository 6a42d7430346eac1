#ifndef MNEME_MODEL_TRAIN_OPTIONS_H_
#define MNEME_MODEL_TRAIN_OPTIONS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "model/train/corpus.h"
#include "nlohmann/json.hpp"

namespace mneme {

// The shape of the model to train; becomes the model folder's config.json.
struct ModelShape {
  std::string name = "untitled";
  std::string backbone = "gpt2";  // gpt2, llama or gpt_neox
  int64_t layers = 6;
  int64_t width = 320;
  int64_t heads = 5;
  int64_t inner = 0;    // feed-forward width; 0: 4 * width (llama: 8/3)
  int64_t memory = 16;  // memory tokens; 0: the plain backbone
  int64_t segment = 128;
};

// All that `mneme-train lm` is told. Every field is a flag (lm_flags.cc).
struct LmOptions {
  // What to read and write.
  std::string data;
  std::string data_sha256;
  SplitSizes splits;
  std::string out;          // the model folder
  std::string checkpoints;  // default: out/checkpoint
  bool resume = false;

  ModelShape model;

  // The optimisation.
  int64_t streams = 64;
  std::string bptt = "4";
  double reset_probability = 0.1;
  int64_t tokens = 0;  // of the whole run; 0: `seconds` decides
  double seconds = 0;  // stop, cleanly, after this long; 0: no limit
  double learning_rate = 1.5e-3;
  double warmup = 0.02;
  double final_rate = 0.02;
  double beta1 = 0.9;
  double beta2 = 0.95;
  double epsilon = 1e-8;
  double weight_decay = 0.1;
  double clip = 1.0;
  double embedding_std = 0.02;
  uint64_t seed = 1;

  // The machine.
  std::string device = "cpu";
  std::string precision;  // "": bfloat16 on CUDA, float32 on the CPU
  bool graphs = true;     // CUDA graphs, on CUDA
  bool kernels = true;    // our own training kernels, on CUDA
  int threads = 0;        // of one CPU operator; 0: all cores
  std::string weights_dtype = "bfloat16";  // of model.safetensors

  // What to tell and keep.
  int64_t log_every = 20;        // updates
  double eval_every = 120;       // seconds; 0: only at the end
  int64_t eval_bytes = 1000000;  // of the valid split, during training
  int64_t eval_streams = 64;
  double checkpoint_every = 300;       // seconds; 0: only at the end
  int64_t checkpoint_piece_bytes = 0;  // most of one file; 0: no limit
};

// Below this the tensors' names and shapes would fill the pieces.
inline constexpr int64_t kLeastPieceBytes = 65536;

// INVALID_ARGUMENT that names the flag, its value and what was expected;
// FAILED_PRECONDITION when this machine has no such --device.
absl::Status Validate(const LmOptions& options);

// The model folder's config.json, in the goldens' schema: what the server's
// loader reads.
nlohmann::json ModelConfigJson(const ModelShape& shape);

}  // namespace mneme

#endif  // MNEME_MODEL_TRAIN_OPTIONS_H_
