#include "model/train/lm_trainer.h"

#include <ATen/core/grad_mode.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "model/backbone/make_backbone.h"
#include "model/train/lm_window.h"
#include "model/train/placement_flags.h"
#include "model/train/run_identity.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

AdamW::Options AdamWOptions(const LmOptions& options) {
  return {options.beta1, options.beta2, options.epsilon, options.weight_decay,
          options.clip};
}

absl::Status CopyState(const TrainCheckpoint& checkpoint,
                       const std::string& name, const at::Tensor& to) {
  const auto found = checkpoint.tensors.find(name);
  if (found == checkpoint.tensors.end() ||
      found->second.sizes() != to.sizes() ||
      found->second.scalar_type() != to.scalar_type()) {
    return absl::DataLossError(absl::StrCat(
        checkpoint.file, ": the checkpoint has no tensor \"", name, "\" of ",
        to.numel(), " elements of ", PrecisionName(to.scalar_type())));
  }
  at::NoGradGuard no_grad;
  to.copy_(found->second);
  return absl::OkStatus();
}

}  // namespace

LmTrainer::LmTrainer(const LmOptions& options, const Placement& place,
                     BpttSchedule bptt, const StreamSampler& sampler)
    : options_(options),
      place_(place),
      bptt_(std::move(bptt)),
      rate_{options.learning_rate, options.warmup, options.final_rate},
      sampler_(sampler) {}

absl::StatusOr<std::unique_ptr<LmTrainer>> LmTrainer::Create(
    const LmOptions& options, const Corpus& corpus) {
  ASSIGN_OR_RETURN(
      const Placement place,
      PlacementOfFlags(options.device, options.precision, options.threads));
  ASSIGN_OR_RETURN(BpttSchedule bptt, BpttSchedule::Parse(options.bptt));
  StreamSampler::Options sampling;
  sampling.text_size = static_cast<int64_t>(corpus.train().size());
  sampling.streams = options.streams;
  sampling.reset_probability = options.reset_probability;
  sampling.seed = options.seed;
  const int64_t longest = bptt.max_segments() * options.model.segment;
  ASSIGN_OR_RETURN(const StreamSampler sampler,
                   StreamSampler::Create(sampling, longest));
  std::unique_ptr<LmTrainer> trainer(
      new LmTrainer(options, place, std::move(bptt), sampler));
  trainer->identity_ =
      RunIdentity(options, corpus, PrecisionName(place.compute));
  RETURN_IF_ERROR(trainer->Build(corpus));
  return trainer;
}

absl::Status LmTrainer::Build(const Corpus& corpus) {
  FlatParameters::Options options;
  options.backbone = ModelConfigJson(options_.model)["backbone"];
  options.memory = options_.model.memory;
  options.embedding_std = options_.embedding_std;
  options.seed = options_.seed;
  options.device = place_.device;
  options.compute = place_.compute;
  ASSIGN_OR_RETURN(FlatParameters parameters, FlatParameters::Create(options));
  parameters_ = std::make_unique<FlatParameters>(std::move(parameters));
  ASSIGN_OR_RETURN(backbone_,
                   MakeBackbone(options.backbone, parameters_->weights()));
  TrainStep::Options step;
  step.streams = options_.streams;
  step.segment = options_.model.segment;
  step.graphs = options_.graphs;
  step.adamw = AdamWOptions(options_);
  step_ =
      std::make_unique<TrainStep>(step, backbone_.get(), parameters_.get(),
                                  TextTensor(corpus.train(), place_.device));
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
  options.streams = options_.eval_streams;
  options.reset = reset;
  return EvaluateText(*backbone_, parameters_->memory(), split, place_.device,
                      options);
}

TrainCheckpoint LmTrainer::Save() const {
  TrainCheckpoint checkpoint;
  const StreamSampler::State& at = sampler_.state();
  checkpoint.state = {{"identity", identity_},   {"updates", updates_},
                      {"tokens", tokens_},       {"epoch", at.epoch},
                      {"position", at.position}, {"windows", at.windows}};
  checkpoint.tensors = {{"master", parameters_->master()},
                        {"first_moment", step_->optimiser().first_moment()},
                        {"second_moment", step_->optimiser().second_moment()},
                        {"steps", step_->optimiser().steps()},
                        {"skipped", step_->optimiser().skipped()}};
  if (has_memory()) checkpoint.tensors["carried"] = step_->carried();
  return checkpoint;
}

absl::Status LmTrainer::Restore(const TrainCheckpoint& checkpoint) {
  RETURN_IF_ERROR(
      CheckIdentity(checkpoint.Identity(), identity_, checkpoint.file));
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
  return RestoreCounters(checkpoint);
}

absl::Status LmTrainer::RestoreCounters(const TrainCheckpoint& checkpoint) {
  StreamSampler::State at;
  ASSIGN_OR_RETURN(updates_, checkpoint.Counter("updates"));
  ASSIGN_OR_RETURN(tokens_, checkpoint.Counter("tokens"));
  ASSIGN_OR_RETURN(at.epoch, checkpoint.Counter("epoch"));
  ASSIGN_OR_RETURN(at.position, checkpoint.Counter("position"));
  ASSIGN_OR_RETURN(at.windows, checkpoint.Counter("windows"));
  sampler_.set_state(at);
  return absl::OkStatus();
}

}  // namespace mneme
