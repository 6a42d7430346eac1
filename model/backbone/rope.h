#ifndef MNEME_MODEL_BACKBONE_ROPE_H_
#define MNEME_MODEL_BACKBONE_ROPE_H_

// Private to model/: this header includes torch.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "model/backbone/backbone.h"
#include "model/checkpoint/config_reader.h"

namespace mneme {

// Rotary position embedding as Hugging Face computes it (halves rotated, not
// adjacent pairs), with the types "default", "linear" and "llama3". A plain
// value.
struct RopeConfig {
  double theta = 10000;
  double partial = 1;  // the part of each head that is rotated
  double factor = 1;   // "linear", "llama3": long wavelengths are divided by it
  bool llama3 = false;
  double low_freq_factor = 1;
  double high_freq_factor = 4;
  double original_positions = 8192;
};

// What a family says of the part of each head that it rotates.
struct RotatedPart {
  int64_t head_width = 0;
  // Its key in a config of transformers 4; null: whole heads are rotated, and
  // a config that says otherwise is refused.
  const char* key = nullptr;
  double fallback = 1;
};

// Dimensions of each head that are rotated.
int64_t RotaryWidth(int64_t head_width, double partial);

// Reads "rope_parameters" (transformers 5) or "rope_theta", "rope_scaling" and
// the part's key (4). An unknown type or key, or a part of a head that cannot
// be rotated, fails `config` by the name it was read from.
RopeConfig ReadRope(ConfigReader& config, const RotatedPart& part);

// All that changes the angles, in one spelling.
std::string CanonicalText(const RopeConfig& config);

// The tables for a head of `rotary` rotated dimensions, made once and then only
// read, from any thread.
class Rope {
 public:
  Rope() = default;
  Rope(const RopeConfig& config, int64_t rotary, int64_t max_positions,
       const at::TensorOptions& options);

  // What rotates the rows of one layout, ready to broadcast over heads.
  struct Angles {
    at::Tensor cos, sin;  // [N or length, 1, rotary / 2]
    int64_t rows = 0;     // > 0: uniform; [N, ...] is viewed as [rows, ...]
  };
  Angles For(const PackedLayout& layout) const;

  // Rotates the first `rotary` dimensions of each head: [N, heads, dh].
  at::Tensor Apply(const at::Tensor& x, const Angles& angles) const;

 private:
  int64_t half_ = 0;
  at::Tensor cos_, sin_;  // [max_positions, 1, half]
};

}  // namespace mneme

#endif  // MNEME_MODEL_BACKBONE_ROPE_H_
