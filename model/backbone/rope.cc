#include "model/backbone/rope.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/outer.h>

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace mneme {
namespace {

constexpr double kTwoPi = 6.283185307179586;
constexpr char kPartialKey[] = "partial_rotary_factor";

// Hugging Face's _compute_llama3_parameters for one frequency.
double Llama3Frequency(const RopeConfig& config, double frequency) {
  const double wavelength = kTwoPi / frequency;
  const double low = config.original_positions / config.low_freq_factor;
  const double high = config.original_positions / config.high_freq_factor;
  if (wavelength < high) return frequency;
  if (wavelength > low) return frequency / config.factor;
  const double smooth =
      (config.original_positions / wavelength - config.low_freq_factor) /
      (config.high_freq_factor - config.low_freq_factor);
  return (1 - smooth) * frequency / config.factor + smooth * frequency;
}

// Reads the rotated part at `key`. What is wrong with it is said here, where it
// is known which object and key it came from.
void ReadPart(ConfigReader& reader, const char* key, const RotatedPart& part,
              RopeConfig& rope) {
  rope.partial = reader.Number(key, part.fallback);
  if (part.key == nullptr && rope.partial != 1) {
    reader.Fail(key, "1: this family rotates whole heads");
    return;
  }
  if (rope.partial > 1) {
    reader.Fail(key, "at most 1");
    return;
  }
  const int64_t rotary = RotaryWidth(part.head_width, rope.partial);
  if (rotary < 2 || rotary % 2 != 0) {
    reader.Fail(key, absl::StrCat("an even number of rotated dimensions of ",
                                  part.head_width));
  }
}

void ReadScaling(ConfigReader& reader, RopeConfig& rope) {
  const std::string old_type = reader.String("type", "default");
  const std::string type = reader.String("rope_type", old_type);
  if (type == "linear" || type == "llama3") {
    rope.factor = reader.Number("factor", std::nullopt);
  } else if (type != "default") {
    reader.Fail(reader.Has("rope_type") ? "rope_type" : "type",
                "default, linear or llama3");
  }
  if (type == "llama3") {
    rope.llama3 = true;
    rope.low_freq_factor = reader.Number("low_freq_factor", std::nullopt);
    rope.high_freq_factor = reader.Number("high_freq_factor", std::nullopt);
    rope.original_positions = static_cast<double>(
        reader.Int("original_max_position_embeddings", std::nullopt));
    if (rope.high_freq_factor <= rope.low_freq_factor) {
      reader.Fail("high_freq_factor", "more than low_freq_factor");
    }
  }
}

}  // namespace

int64_t RotaryWidth(int64_t head_width, double partial) {
  return static_cast<int64_t>(static_cast<double>(head_width) * partial);
}

RopeConfig ReadRope(ConfigReader& config, const RotatedPart& part) {
  RopeConfig rope;
  rope.partial = part.fallback;
  bool given = false;
  const auto read_part = [&](ConfigReader& reader, const char* key) {
    if (!reader.Has(key)) return;
    given = true;
    ReadPart(reader, key, part, rope);
  };
  if (part.key != nullptr) read_part(config, part.key);
  read_part(config, kPartialKey);
  rope.theta = config.Number("rope_theta", 10000);
  if (config.Has("rotary_emb_base")) {
    rope.theta = config.Number("rotary_emb_base", std::nullopt);
  }
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    if (!config.Has(key)) continue;
    ConfigReader scaling(config.Object(key, true),
                         absl::StrCat("config.json: backbone: ", key));
    rope.theta = scaling.Number("rope_theta", rope.theta);
    read_part(scaling, kPartialKey);
    ReadScaling(scaling, rope);
    config.Merge(scaling.Finish());
  }
  if (!given && part.key != nullptr) ReadPart(config, part.key, part, rope);
  return rope;
}

std::string CanonicalText(const RopeConfig& config) {
  std::string text =
      absl::StrFormat("rope theta=%.17g partial=%.17g factor=%.17g",
                      config.theta, config.partial, config.factor);
  if (!config.llama3) return text;
  return absl::StrFormat("%s llama3 low=%.17g high=%.17g original=%.17g", text,
                         config.low_freq_factor, config.high_freq_factor,
                         config.original_positions);
}

Rope::Rope(const RopeConfig& config, int64_t rotary, int64_t max_positions,
           const at::TensorOptions& options)
    : half_(rotary / 2) {
  at::Tensor frequencies = at::empty({half_}, at::kFloat);
  for (int64_t i = 0; i < half_; ++i) {
    const double exponent =
        2 * static_cast<double>(i) / static_cast<double>(rotary);
    const double frequency = std::pow(config.theta, -exponent);
    frequencies.mutable_data_ptr<float>()[i] =
        static_cast<float>(config.llama3 ? Llama3Frequency(config, frequency)
                                         : frequency / config.factor);
  }
  const at::Tensor angles =
      at::outer(at::arange(max_positions, at::kFloat), frequencies)
          .unsqueeze(1);
  cos_ = angles.cos().to(options);
  sin_ = angles.sin().to(options);
}

Rope::Angles Rope::For(const PackedLayout& layout) const {
  if (layout.uniform()) {
    const PackedLayout::Run& run = layout.runs[0];
    return {cos_.narrow(0, 0, run.length), sin_.narrow(0, 0, run.length),
            run.rows};
  }
  return {cos_.index_select(0, layout.positions),
          sin_.index_select(0, layout.positions), 0};
}

at::Tensor Rope::Apply(const at::Tensor& x, const Angles& angles) const {
  const int64_t heads = x.size(1);
  const int64_t width = x.size(2);
  const at::Tensor rows =
      angles.rows > 0
          ? x.view({angles.rows, x.size(0) / angles.rows, heads, width})
          : x;
  const at::Tensor a = rows.narrow(-1, 0, half_);
  const at::Tensor b = rows.narrow(-1, half_, half_);
  const at::Tensor first = a * angles.cos - b * angles.sin;
  const at::Tensor second = b * angles.cos + a * angles.sin;
  const int64_t rest = width - 2 * half_;
  const at::Tensor out =
      rest == 0
          ? at::cat({first, second}, -1)
          : at::cat({first, second, rows.narrow(-1, 2 * half_, rest)}, -1);
  return out.view({x.size(0), heads, width});
}

}  // namespace mneme
