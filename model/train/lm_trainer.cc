#include "model/train/lm_trainer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/backbone/make_backbone.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

// The bytes as U8 [N] on `device`; a copy.
at::Tensor ToDevice(absl::string_view bytes, at::Device device) {
  return at::from_blob(const_cast<char*>(bytes.data()),
                       {static_cast<int64_t>(bytes.size())}, at::kByte)
      .clone()
      .to(device);
}

AdamW::Options AdamWOptions(const LmOptions& options) {
  return {options.beta1, options.beta2, options.epsilon, options.weight_decay,
          options.clip};
}

// What must be the same for a checkpoint to fit a run.
nlohmann::json Identity(const LmOptions& options) {
  return {{"model", ModelConfigJson(options.model)},
          {"streams", options.streams},
          {"seed", options.seed}};
}

absl::Status CopyState(const TrainCheckpoint& checkpoint,
                       const std::string& name, const at::Tensor& to) {
  const auto found = checkpoint.tensors.find(name);
  if (found == checkpoint.tensors.end() ||
      found->second.sizes() != to.sizes()) {
    return absl::DataLossError(absl::StrCat("checkpoint: no tensor '", name,
                                            "' of ", to.numel(), " elements"));
  }
  at::NoGradGuard no_grad;
  to.copy_(found->second);
  return absl::OkStatus();
}

}  // namespace

at::ScalarType ComputeType(const LmOptions& options) {
  if (options.precision == "float32") return at::kFloat;
  if (options.precision == "bfloat16") return at::kBFloat16;
  return at::Device(options.device).is_cuda() ? at::kBFloat16 : at::kFloat;
}

LmTrainer::LmTrainer(const LmOptions& options, BpttSchedule bptt,
                     StreamSampler sampler)
    : options_(options),
      device_(options.device),
      bptt_(std::move(bptt)),
      rate_{options.learning_rate, options.warmup, options.final_rate},
      sampler_(std::move(sampler)) {}

absl::StatusOr<std::unique_ptr<LmTrainer>> LmTrainer::Create(
    const LmOptions& options, const Corpus& corpus) {
  ASSIGN_OR_RETURN(BpttSchedule bptt, BpttSchedule::Parse(options.bptt));
  StreamSampler::Options sampling;
  sampling.text_size = static_cast<int64_t>(corpus.train().size());
  sampling.streams = options.streams;
  sampling.reset_probability = options.reset_probability;
  sampling.seed = options.seed;
  const int64_t longest = bptt.max_segments() * options.model.segment;
  ASSIGN_OR_RETURN(StreamSampler sampler,
                   StreamSampler::Create(sampling, longest));
  std::unique_ptr<LmTrainer> trainer(
      new LmTrainer(options, std::move(bptt), std::move(sampler)));
  RETURN_IF_ERROR(trainer->Build(corpus));
  return trainer;
}

absl::Status LmTrainer::Build(const Corpus& corpus) {
  FlatParameters::Options options;
  options.backbone = ModelConfigJson(options_.model)["backbone"];
  options.memory = options_.model.memory;
  options.embedding_std = options_.embedding_std;
  options.seed = options_.seed;
  options.device = device_;
  options.compute = ComputeType(options_);
  ASSIGN_OR_RETURN(FlatParameters parameters, FlatParameters::Create(options));
  parameters_ = std::make_unique<FlatParameters>(std::move(parameters));
  ASSIGN_OR_RETURN(backbone_,
                   MakeBackbone(options.backbone, parameters_->weights()));
  TrainStep::Options step;
  step.streams = options_.streams;
  step.segment = options_.model.segment;
  step.graphs = options_.graphs;
  step.adamw = AdamWOptions(options_);
  step_ = std::make_unique<TrainStep>(step, backbone_.get(), parameters_.get(),
                                      ToDevice(corpus.train(), device_));
  return absl::OkStatus();
}

void LmTrainer::Update(double progress) {
  const int64_t segments = bptt_.At(progress);
  const int64_t length = segments * options_.model.segment;
  step_->Run(sampler_.Next(length), segments, rate_.At(progress));
  ++updates_;
  tokens_ += length * options_.streams;
}

EvalResult LmTrainer::Score(absl::string_view split, int64_t bytes,
                            bool reset) const {
  if (bytes > 0) split = split.substr(0, static_cast<size_t>(bytes));
  EvalOptions options;
  options.segment = options_.model.segment;
  options.streams = std::max<int64_t>(
      1, std::min(options_.eval_streams,
                  static_cast<int64_t>(split.size()) / options.segment));
  options.reset = reset;
  return Evaluate(*backbone_, parameters_->memory(), ToDevice(split, device_),
                  options);
}

TrainCheckpoint LmTrainer::Save() const {
  TrainCheckpoint checkpoint;
  const StreamSampler::State& at = sampler_.state();
  checkpoint.state = {{"identity", Identity(options_)},
                      {"updates", updates_},
                      {"tokens", tokens_},
                      {"epoch", at.epoch},
                      {"position", at.position},
                      {"windows", at.windows}};
  checkpoint.tensors = {{"master", parameters_->master()},
                        {"first_moment", step_->optimiser().first_moment()},
                        {"second_moment", step_->optimiser().second_moment()},
                        {"steps", step_->optimiser().steps()},
                        {"skipped", step_->optimiser().skipped()}};
  if (has_memory()) checkpoint.tensors["carried"] = step_->carried();
  return checkpoint;
}

absl::Status LmTrainer::Restore(const TrainCheckpoint& checkpoint) {
  const nlohmann::json& state = checkpoint.state;
  if (!state.is_object() ||
      state.value("identity", nlohmann::json()) != Identity(options_)) {
    return absl::FailedPreconditionError(
        "--resume: the checkpoint is of another model, --streams or --seed");
  }
  RETURN_IF_ERROR(CopyState(checkpoint, "master", parameters_->master()));
  AdamW& adamw = step_->optimiser();
  RETURN_IF_ERROR(CopyState(checkpoint, "first_moment", adamw.first_moment()));
  RETURN_IF_ERROR(
      CopyState(checkpoint, "second_moment", adamw.second_moment()));
  RETURN_IF_ERROR(CopyState(checkpoint, "steps", adamw.steps()));
  RETURN_IF_ERROR(CopyState(checkpoint, "skipped", adamw.skipped()));
  if (has_memory()) {
    RETURN_IF_ERROR(CopyState(checkpoint, "carried", step_->carried()));
  }
  parameters_->Publish();
  updates_ = state.value("updates", int64_t{0});
  tokens_ = state.value("tokens", int64_t{0});
  sampler_.set_state({state.value("epoch", int64_t{0}),
                      state.value("position", int64_t{0}),
                      state.value("windows", int64_t{0})});
  return absl::OkStatus();
}

}  // namespace mneme
