#ifndef MNEME_MODEL_TRAIN_STREAM_SAMPLER_H_
#define MNEME_MODEL_TRAIN_STREAM_SAMPLER_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"

namespace mneme {

// Where each stream of a batch reads next: bytes offsets[s] .. offsets[s] +
// length of the text, taken modulo the text's size; reset[s] is 1 when stream s
// starts it from the initial memory.
struct StreamWindow {
  std::vector<int64_t> offsets;
  std::vector<int64_t> reset;
};

// Lets S streams read a text side by side for ever. The text is a ring; each
// stream walks its own contiguous stripe of it, so that the memory it carries
// is always of the text just before. At the end of an epoch all streams start
// again from stripes rotated by a random amount, with the initial memory; in
// between, each is reset with `reset_probability` at each window.
//
// A pure function of (options, state): a resumed run continues the same
// sequence on every machine. Used by one thread.
class StreamSampler {
 public:
  struct Options {
    int64_t text_size = 0;
    int64_t streams = 1;
    double reset_probability = 0.0;
    uint64_t seed = 0;
  };
  // All that Next() depends on beside the options.
  struct State {
    int64_t epoch = 0;
    int64_t position = 0;  // within the stripe
    int64_t windows = 0;   // given so far
  };

  // `longest` is the longest window that Next() will be asked for.
  // INVALID_ARGUMENT when a stripe is shorter than that.
  static absl::StatusOr<StreamSampler> Create(const Options& options,
                                              int64_t longest);

  // The next window of `length` bytes of every stream.
  StreamWindow Next(int64_t length);

  const State& state() const { return state_; }
  void set_state(const State& state) { state_ = state; }

 private:
  explicit StreamSampler(const Options& options);

  Options options_;
  int64_t stripe_ = 0;
  State state_;
};

}  // namespace mneme

#endif  // MNEME_MODEL_TRAIN_STREAM_SAMPLER_H_
