#include "model/train/lm_flags.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace mneme {
namespace {

// One text for both tasks.
std::string DataHelp() {
  return absl::StrCat(
      "the text, one plain file whose bytes are the tokens. A file whose name "
      "starts with wiki15-100M must have that benchmark's checksum: ",
      kWiki15Origin);
}

void AddFiles(CLI::App* app, LmOptions* o) {
  app->add_option("--data", o->data, DataHelp())->required();
  app->add_option("--data-sha256", o->data_sha256,
                  "refuse a text with another checksum");
  app->add_option("--train-bytes", o->splits.train,
                  "train on the first bytes; 0: all that the others leave");
  app->add_option("--valid-bytes", o->splits.valid, "the bytes after those");
  app->add_option("--test-bytes", o->splits.test, "the bytes after those");
  app->add_option("--out", o->out,
                  "the model folder to write: config.json, "
                  "model.safetensors, train.csv, eval.json")
      ->required();
  app->add_option("--checkpoints", o->checkpoints,
                  "the folder for checkpoints; default OUT/checkpoint");
  app->add_flag("--resume", o->resume,
                "continue from the last checkpoint, if there is one");
}

void AddModel(CLI::App* app, LmOptions* o) {
  ModelShape* m = &o->model;
  app->add_option("--name", m->name, "the model's name, for config.json");
  app->add_option("--backbone", m->backbone, "gpt2, llama or gpt_neox");
  app->add_option("--layers", m->layers, "transformer layers");
  app->add_option("--width", m->width, "of the hidden states");
  app->add_option("--heads", m->heads, "attention heads; divide --width");
  app->add_option("--inner", m->inner,
                  "feed-forward width; 0: 4 times --width (llama: 8/3)");
  app->add_option("--memory", m->memory,
                  "memory tokens; 0: the backbone without memory");
  app->add_option("--segment", m->segment, "bytes in a segment");
}

void AddOptimisation(CLI::App* app, LmOptions* o) {
  app->add_option("--streams", o->streams,
                  "streams trained side by side (the batch)");
  app->add_option("--bptt", o->bptt,
                  "segments that a gradient flows through: K, or a curriculum "
                  "K:SHARE,K:SHARE,... over the run, as 2:0.3,4:0.7");
  app->add_option("--reset-probability", o->reset_probability,
                  "of putting the initial memory before a stream's update");
  app->add_option("--tokens", o->tokens,
                  "tokens of the whole run; 0: --seconds is the run");
  app->add_option("--seconds", o->seconds,
                  "stop after this long, with a checkpoint and a model");
  app->add_option("--lr", o->learning_rate, "AdamW's highest learning rate");
  app->add_option("--warmup", o->warmup, "share of the run to warm up in");
  app->add_option("--final-lr", o->final_rate,
                  "last learning rate of the cosine, as a share of --lr");
  app->add_option("--beta1", o->beta1, "AdamW's");
  app->add_option("--beta2", o->beta2, "AdamW's");
  app->add_option("--epsilon", o->epsilon, "AdamW's");
  app->add_option("--weight-decay", o->weight_decay,
                  "of matrices, not of norms, biases, embeddings and memory");
  app->add_option("--clip", o->clip, "most norm of the gradient");
  app->add_option("--embedding-std", o->embedding_std,
                  "of the first embeddings and of the first memory");
  app->add_option("--seed", o->seed, "of everything random");
}

void AddMachine(CLI::App* app, LmOptions* o) {
  app->add_option("--device", o->device, "cpu, cuda or cuda:N");
  app->add_option("--precision", o->precision,
                  "compute in float32 or bfloat16; default: bfloat16 on CUDA, "
                  "float32 on the CPU. Master weights are float32");
  app->add_flag("--graphs,!--no-graphs", o->graphs,
                "on CUDA, replay each update as one CUDA graph");
  app->add_flag("--kernels,!--no-kernels", o->kernels,
                "on CUDA, use our own kernels for layer norm and biases");
  app->add_option("--threads", o->threads, "CPU threads; 0: all cores");
  app->add_option("--weights", o->weights_dtype,
                  "dtype of model.safetensors: bfloat16 or float32");
}

void AddReports(CLI::App* app, LmOptions* o) {
  app->add_option("--log-every", o->log_every,
                  "updates between lines of progress and of train.csv");
  app->add_option("--eval-every", o->eval_every,
                  "seconds between evaluations; 0: only at the end");
  app->add_option("--eval-bytes", o->eval_bytes,
                  "bytes of the valid split for those; the last one is whole");
  app->add_option("--eval-streams", o->eval_streams,
                  "contiguous streams that a split is evaluated in");
  app->add_option("--checkpoint-every", o->checkpoint_every,
                  "seconds between checkpoints; 0: only at the end");
  app->add_option(
      "--checkpoint-piece-bytes", o->checkpoint_piece_bytes,
      "cut checkpoints into files of at most this, which is 65536 or "
      "more; 0: one file");
}

}  // namespace

void AddEvalFlags(CLI::App* app, EvalTaskOptions* o) {
  app->option_defaults()->always_capture_default();
  app->add_option("--model", o->model, "the model folder")->required();
  app->add_option("--data", o->data, DataHelp())->required();
  app->add_option("--data-sha256", o->data_sha256,
                  "refuse a text with another checksum");
  app->add_option("--train-bytes", o->splits.train,
                  "first bytes to leave out; 0: all that the others leave");
  app->add_option("--valid-bytes", o->splits.valid, "the bytes after those");
  app->add_option("--test-bytes", o->splits.test, "the bytes after those");
  app->add_option("--streams", o->streams,
                  "contiguous streams that a split is read in");
  app->add_option("--device", o->device, "cpu, cuda or cuda:N");
  app->add_option("--precision", o->precision,
                  "float32 or bfloat16; default: bfloat16 on CUDA, float32 on "
                  "the CPU");
  app->add_option("--threads", o->threads, "CPU threads; 0: all cores");
}

void AddLmFlags(CLI::App* app, LmOptions* options) {
  app->option_defaults()->always_capture_default();
  AddFiles(app, options);
  AddModel(app, options);
  AddOptimisation(app, options);
  AddMachine(app, options);
  AddReports(app, options);
}

}  // namespace mneme
