#ifndef MNEME_MODEL_TRAIN_RUN_IDENTITY_H_
#define MNEME_MODEL_TRAIN_RUN_IDENTITY_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "model/train/corpus.h"
#include "model/train/options.h"
#include "nlohmann/json.hpp"

namespace mneme {

// All that makes a run's curve what it is, by flag: text, model, optimisation,
// seed and precision. What may change from one part of a run to the next is not
// in it: the limits --tokens and --seconds, the device and its threads, what is
// told and kept, and how often.
nlohmann::json RunIdentity(const LmOptions& options, const Corpus& corpus,
                           absl::string_view precision);

// FAILED_PRECONDITION that names `file` and each flag whose value in `saved` is
// not the one in `wanted`.
absl::Status CheckIdentity(const nlohmann::json& saved,
                           const nlohmann::json& wanted,
                           const std::string& file);

}  // namespace mneme

#endif  // MNEME_MODEL_TRAIN_RUN_IDENTITY_H_
