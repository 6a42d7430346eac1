#include "model/train/stream_sampler.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace mneme {
namespace {

// SplitMix64: a counter in, 64 well-mixed bits out, the same everywhere.
uint64_t Mix(uint64_t value) {
  value += 0x9E3779B97F4A7C15ULL;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ULL;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBULL;
  return value ^ (value >> 31);
}

uint64_t Draw(uint64_t seed, int64_t a, int64_t b) {
  return Mix(Mix(Mix(seed) ^ static_cast<uint64_t>(a)) ^
             static_cast<uint64_t>(b));
}

double ToUnit(uint64_t bits) {
  return static_cast<double>(bits >> 11) * 0x1.0p-53;
}

// Keeps the draws for rotations and those for resets apart.
constexpr int64_t kRotation = -1;

}  // namespace

StreamSampler::StreamSampler(const Options& options)
    : options_(options), stripe_(options.text_size / options.streams) {}

absl::StatusOr<StreamSampler> StreamSampler::Create(const Options& options,
                                                    int64_t longest) {
  if (options.streams < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("--streams is ", options.streams, ", expected >= 1"));
  }
  if (options.text_size / options.streams < longest) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the training text has ", options.text_size, " bytes: too few for ",
        options.streams, " streams of at least ", longest,
        " bytes (segment times bptt); use fewer --streams"));
  }
  return StreamSampler(options);
}

StreamWindow StreamSampler::Next(int64_t length) {
  if (state_.position + length > stripe_) {
    ++state_.epoch;
    state_.position = 0;
  }
  const bool start = state_.position == 0;
  int64_t rotation = 0;
  if (state_.epoch > 0) {
    rotation =
        static_cast<int64_t>(Draw(options_.seed, kRotation, state_.epoch) %
                             static_cast<uint64_t>(options_.text_size));
  }
  StreamWindow window;
  for (int64_t s = 0; s < options_.streams; ++s) {
    window.offsets.push_back((s * stripe_ + rotation + state_.position) %
                             options_.text_size);
    const double drawn = ToUnit(Draw(options_.seed, state_.windows, s));
    window.reset.push_back(start || drawn < options_.reset_probability ? 1 : 0);
  }
  state_.position += length;
  ++state_.windows;
  return window;
}

}  // namespace mneme
