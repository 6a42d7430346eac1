#ifndef MNEME_MODEL_MEMORY_ORACLE_H_
#define MNEME_MODEL_MEMORY_ORACLE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/checkpoint/model_config.h"
#include "model/sequence_model.h"

namespace mneme {

// A model whose answers are exact: its memory is an integer that depends on
// every token so far and on its place, so that a lost, doubled, reordered or
// leaked segment changes every later answer. For tests, and for users who test
// their integration. It carries "state", "position" and "segments", each
// I64 [1]; its outputs are
//   "state"    I64 [T]  the state after each token
//   "argmax"   I32 [T]  that state modulo the vocabulary
//   "decoded"  I64 [D]  with the input "decoder_tokens": OracleDecode()
// How tokens were cut into segments does not change states. A row whose `fresh`
// flag does not fit its memory is refused. No torch; config.json alone is the
// model. `config.architecture` is "oracle". Threads as SequenceModel says.
absl::StatusOr<std::unique_ptr<SequenceModel>> MakeOracle(
    const ModelConfig& config);

// What the oracle's state is after `tokens`, from the start of a session.
int64_t OracleState(absl::Span<const int32_t> tokens);
// The same, going on from `state`, that of the first `position` tokens.
int64_t OracleState(int64_t state, int64_t position,
                    absl::Span<const int32_t> tokens);

// What the oracle makes of decoder tokens when its state is `state`.
std::vector<int64_t> OracleDecode(int64_t state,
                                  absl::Span<const int32_t> decoder_tokens);

}  // namespace mneme

#endif  // MNEME_MODEL_MEMORY_ORACLE_H_
