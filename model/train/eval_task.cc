#include "model/train/eval_task.h"

#include <memory>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "model/backbone/make_backbone.h"
#include "model/checkpoint/model_config.h"
#include "model/checkpoint/model_folder.h"
#include "model/checkpoint/torch_tensor.h"
#include "model/runtime/torch_guard.h"
#include "model/train/evaluate.h"
#include "model/train/flag_checks.h"
#include "model/train/flat_parameters.h"
#include "model/train/placement_flags.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

// A model folder's backbone and initial memory on the device.
class FolderScorer {
 public:
  static absl::StatusOr<FolderScorer> Load(const EvalTaskOptions& options) {
    ASSIGN_OR_RETURN(
        const Placement place,
        PlacementOfFlags(options.device, options.precision, options.threads));
    FolderScorer scorer(place.device, options.streams);
    ASSIGN_OR_RETURN(const ModelConfig config, ReadModelConfig(options.model));
    if (config.architecture != "rmt" || config.tokenizer != "bytes") {
      return absl::InvalidArgumentError(
          absl::StrCat(options.model,
                       "/config.json: expected the architecture "
                       "rmt and the tokenizer bytes"));
    }
    ASSIGN_OR_RETURN(const ModelFolder folder, ReadModelFolder(config));
    WeightMap weights =
        LoadWeights(folder.tensors, place.compute, place.device);
    if (config.num_mem_tokens > 0) {
      scorer.memory_ = weights.at(kMemoryParameter);
      weights.erase(kMemoryParameter);
    }
    scorer.segment_ = config.segment_size;
    ASSIGN_OR_RETURN(scorer.backbone_, MakeBackbone(config.backbone, weights));
    return scorer;
  }

  double Score(absl::string_view split, bool reset) const {
    EvalOptions options;
    options.segment = segment_;
    options.streams = streams_;
    options.reset = reset;
    return EvaluateText(*backbone_, memory_, split, device_, options)
        .bits_per_byte;
  }

 private:
  FolderScorer(at::Device device, int64_t streams)
      : device_(device), streams_(streams) {}

  at::Device device_;
  int64_t streams_;
  int64_t segment_ = 1;
  std::unique_ptr<Backbone> backbone_;
  at::Tensor memory_;
};

}  // namespace

absl::Status Validate(const EvalTaskOptions& options) {
  if (options.model.empty()) return Refuse("--model", "\"\"", "a folder");
  RETURN_IF_ERROR(CheckText(options.data, options.data_sha256, options.splits));
  if (options.splits.valid == 0 && options.splits.test == 0) {
    return Refuse("--valid-bytes and --test-bytes", 0, "one of them above 0");
  }
  RETURN_IF_ERROR(CheckAtLeast("--streams", options.streams, 1));
  return PlacementOfFlags(options.device, options.precision, options.threads)
      .status();
}

absl::StatusOr<LmScores> RunEvalTask(const EvalTaskOptions& options) {
  RETURN_IF_ERROR(Validate(options));
  ASSIGN_OR_RETURN(
      const Corpus corpus,
      Corpus::Load(options.data, options.splits, options.data_sha256));
  return InInferenceMode([&]() -> absl::StatusOr<LmScores> {
    ASSIGN_OR_RETURN(const FolderScorer scorer, FolderScorer::Load(options));
    return LmScores{
        scorer.Score(corpus.valid(), false), scorer.Score(corpus.valid(), true),
        scorer.Score(corpus.test(), false), scorer.Score(corpus.test(), true)};
  });
}

}  // namespace mneme
