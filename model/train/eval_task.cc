#include "model/train/eval_task.h"

#include <ATen/Parallel.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "model/backbone/make_backbone.h"
#include "model/checkpoint/model_config.h"
#include "model/checkpoint/model_folder.h"
#include "model/checkpoint/torch_tensor.h"
#include "model/runtime/torch_guard.h"
#include "model/train/evaluate.h"
#include "model/train/flat_parameters.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

// A model folder's backbone and initial memory on the device.
class FolderScorer {
 public:
  static absl::StatusOr<FolderScorer> Load(const EvalTaskOptions& options) {
    FolderScorer scorer(options);
    ASSIGN_OR_RETURN(const ModelConfig config, ReadModelConfig(options.model));
    if (config.architecture != "rmt" || config.tokenizer != "bytes") {
      return absl::InvalidArgumentError(
          absl::StrCat(options.model,
                       "/config.json: expected the architecture "
                       "rmt and the tokenizer bytes"));
    }
    ASSIGN_OR_RETURN(const ModelFolder folder, ReadModelFolder(config));
    const bool bf16 = options.precision.empty()
                          ? scorer.device_.is_cuda()
                          : options.precision == "bfloat16";
    WeightMap weights = LoadWeights(
        folder.tensors, bf16 ? at::kBFloat16 : at::kFloat, scorer.device_);
    if (config.num_mem_tokens > 0) {
      scorer.memory_ = weights.at(kMemoryParameter);
      weights.erase(kMemoryParameter);
    }
    scorer.segment_ = config.segment_size;
    ASSIGN_OR_RETURN(scorer.backbone_, MakeBackbone(config.backbone, weights));
    return scorer;
  }

  double Score(absl::string_view split, bool reset) const {
    const auto size = static_cast<int64_t>(split.size());
    EvalOptions options;
    options.segment = segment_;
    options.streams = std::max<int64_t>(1, std::min(streams_, size / segment_));
    options.reset = reset;
    const at::Tensor text =
        at::from_blob(const_cast<char*>(split.data()), {size}, at::kByte)
            .clone()
            .to(device_);
    return Evaluate(*backbone_, memory_, text, options).bits_per_byte;
  }

 private:
  explicit FolderScorer(const EvalTaskOptions& options)
      : device_(options.device), streams_(options.streams) {}

  at::Device device_;
  int64_t streams_;
  int64_t segment_ = 1;
  std::unique_ptr<Backbone> backbone_;
  at::Tensor memory_;
};

}  // namespace

absl::StatusOr<LmScores> RunEvalTask(const EvalTaskOptions& options) {
  ASSIGN_OR_RETURN(
      const Corpus corpus,
      Corpus::Load(options.data, options.splits, options.data_sha256));
  if (options.threads > 0) at::set_num_threads(options.threads);
  return InInferenceMode([&]() -> absl::StatusOr<LmScores> {
    ASSIGN_OR_RETURN(const FolderScorer scorer, FolderScorer::Load(options));
    return LmScores{
        scorer.Score(corpus.valid(), false), scorer.Score(corpus.valid(), true),
        scorer.Score(corpus.test(), false), scorer.Score(corpus.test(), true)};
  });
}

}  // namespace mneme
