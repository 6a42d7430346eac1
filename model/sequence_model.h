#ifndef MNEME_MODEL_SEQUENCE_MODEL_H_
#define MNEME_MODEL_SEQUENCE_MODEL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/tensor.h"
#include "server/base/sha256.h"

namespace mneme {

// A token sequence that a step takes beside the stream "tokens". A request may
// leave it out.
struct ExtraInput {
  std::string name;
  // More are refused: what depends on the input is as long as it is, for every
  // segment of a message.
  int64_t max_tokens = 0;
};

// What a model is and what one step of it takes and gives. Everything outside
// model/ learns a model's shape from here and assumes nothing else.
struct ModelSpec {
  std::string name;  // unique in a server; from config.json or the folder
  int64_t version = 1;
  std::string architecture;  // "rmt", "oracle", ...
  Digest fingerprint{};  // of weights and of the config that changes results
  // Compute and residence precision, e.g. "float32". A stored value is only
  // restored into a model of the same numeric mode.
  std::string numeric_mode;

  int64_t segment_size = 0;  // tokens in a full segment
  int64_t vocab_size = 0;    // token ids are 0 .. vocab_size - 1
  // "bytes" (token id = byte), or "" when the model takes only token ids.
  std::string tokenizer;

  // E.g. "decoder_tokens". They come whole with a request and shape outputs
  // only; they never change the memory.
  std::vector<ExtraInput> extra_inputs;
  std::vector<TensorSpec> outputs;  // what a step can return
  std::vector<TensorSpec> memory;   // what a session carries, in stored order

  // Bytes of one session's saved memory.
  int64_t memory_bytes() const;
  // nullptr when the model has no output of that name.
  const TensorSpec* FindOutput(absl::string_view output) const;
  // nullptr when the model has no extra input of that name.
  const ExtraInput* FindExtraInput(absl::string_view input) const;
};

// One immutable memory value. Where its bytes live is the model's business; a
// value may only be given back to the model that made it. Safe to share and to
// drop on any thread.
class Memory {
 public:
  virtual ~Memory() = default;
};
using MemoryRef = std::shared_ptr<const Memory>;

// Which outputs of a step to return. Language models know:
//   "argmax"        I32 [T]     the likeliest next token at each position
//   "top_k"         I32 [T, k]  the k likeliest next tokens, best first
//   "top_k_log_probs" F32 [T, k]  their natural-log probabilities
//   "log_probs"     F32 [T]     log P(token i | all tokens before it), NaN for
//                               a session's very first token, which has none
//   "logits"        F32 [T, vocab]
//   "hidden_states" F32 [T, d]  after the final norm
struct OutputRequest {
  std::vector<std::string> names;   // of ModelSpec::outputs
  int64_t top_k = 0;                // k, when a top_k output is asked for
  bool last_position_only = false;  // T = 1: the segment's last token
};

struct NamedTokens {
  std::string name;
  std::vector<int32_t> tokens;
};

// The most bytes of outputs that `tokens` tokens of the stream, cut into
// `segments` segments, give where each is asked for `request`. Unknown names
// count nothing.
int64_t OutputBytes(const ModelSpec& model, const OutputRequest& request,
                    absl::Span<const NamedTokens> extra_inputs, int64_t tokens,
                    int64_t segments);

// One session's part of a batch. Spans and pointers outlive the call.
struct StepRow {
  absl::Span<const int32_t> tokens;  // 1 .. segment_size ids of the vocabulary
  absl::Span<const NamedTokens> extra_inputs;
  MemoryRef memory;    // never null
  bool fresh = false;  // no segment was applied yet: memory is initial
  // Run from the initial memory instead (memory_policy RESET), but score the
  // first token from the carried last hidden state.
  bool reset_memory = false;
  const OutputRequest* request = nullptr;  // null: no outputs
  bool save = false;                       // fill StepResult::saved_memory
};

struct StepResult {
  MemoryRef memory;
  std::vector<HostTensor> outputs;  // in the order of OutputRequest::names
  std::string saved_memory;         // `memory` as Save() gives it, if asked for
};

// A step that was started and that a device may still compute.
class StepInFlight {
 public:
  virtual ~StepInFlight() = default;

  // Waits for the device; the results in the order of the rows. Called at most
  // once, on any thread, also beside calls of the model.
  virtual absl::StatusOr<std::vector<StepResult>> Wait() = 0;
};

// THE interface between the server and everything that knows tensors: a step
// is a pure function (weights, memory, tokens) -> (outputs, memory').
//
// Threads: spec() and InitialMemory() may be called from any thread; Start,
// Step, Save and Load from one thread at a time (the device's executor thread).
class SequenceModel {
 public:
  virtual ~SequenceModel() = default;

  virtual const ModelSpec& spec() const = 0;

  // The memory of a session to which nothing was applied.
  virtual MemoryRef InitialMemory() const = 0;

  // Applies one segment to each row, without waiting for the device where there
  // is one, so that the next batch is built and started while this one runs;
  // steps run in the order of their starts. Rows may differ in length, in age
  // and in what they ask for; a row's result does not depend on its neighbours
  // beyond rounding. All rows succeed or none does. What the rows point to may
  // go when this returns.
  // Errors, here or from Wait(): INVALID_ARGUMENT for a row that breaks
  // StepRow's contract (names the row), RESOURCE_EXHAUSTED when the device is
  // out of memory, INTERNAL.
  virtual absl::StatusOr<std::unique_ptr<StepInFlight>> Start(
      absl::Span<const StepRow> rows) = 0;

  // Start() and Wait().
  absl::StatusOr<std::vector<StepResult>> Step(absl::Span<const StepRow> rows);

  // Memory values as bytes and back: the tensors of spec().memory one after
  // the other, little-endian; memory_bytes() each. Load(Save(x)) has the bytes
  // of x on every device. Load refuses another size with DATA_LOSS.
  virtual absl::StatusOr<std::vector<std::string>> Save(
      absl::Span<const MemoryRef> memories) = 0;
  virtual absl::StatusOr<std::vector<MemoryRef>> Load(
      absl::Span<const absl::string_view> bytes) = 0;
};

}  // namespace mneme

#endif  // MNEME_MODEL_SEQUENCE_MODEL_H_
