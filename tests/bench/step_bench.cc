// How fast a model's step is without a server: the same batches that mnemed
// would run, started one behind the other. `make bench` runs it.

#include <algorithm>
#include <cstdio>
#include <exception>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "model/load_model.h"
#include "model/sequence_model.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

struct Flags {
  std::string model;
  ModelOptions options;
  std::vector<int> rows = {1, 8, 64, 256};
  std::string outputs = "last";
  int groups = 2;
  double seconds = 3;
  int64_t tokens = 0;
};

// Sessions that are always stepped together.
struct Group {
  std::vector<std::vector<int32_t>> tokens;
  std::vector<MemoryRef> memories;
  bool fresh = true;
  std::unique_ptr<StepInFlight> step;
  absl::Time started;
};

OutputRequest RequestOf(const std::string& outputs) {
  OutputRequest request;
  if (outputs == "none") return request;
  request.names = {"argmax"};
  request.last_position_only = outputs == "last";
  return request;
}

class Bench {
 public:
  Bench(SequenceModel* model, const Flags& flags, int rows)
      : model_(model), request_(RequestOf(flags.outputs)), rows_(rows) {
    std::mt19937 random(1);
    const auto vocab = static_cast<uint32_t>(model->spec().vocab_size);
    const auto length = static_cast<size_t>(
        flags.tokens > 0 ? flags.tokens : model->spec().segment_size);
    groups_.resize(static_cast<size_t>(flags.groups));
    for (Group& group : groups_) {
      group.memories.assign(static_cast<size_t>(rows), model->InitialMemory());
      group.tokens.resize(static_cast<size_t>(rows));
      for (auto& tokens : group.tokens) {
        tokens.resize(length);
        for (int32_t& token : tokens) {
          token = static_cast<int32_t>(random() % vocab);
        }
      }
    }
  }

  // Steps for so long; the time from the start of each to its end.
  absl::Status Run(absl::Duration duration) {
    times_.clear();
    const absl::Time begin = absl::Now();
    for (Group& group : groups_) RETURN_IF_ERROR(Start(&group));
    for (size_t next = 0; absl::Now() - begin < duration;
         next = (next + 1) % groups_.size()) {
      RETURN_IF_ERROR(Finish(&groups_[next]));
      RETURN_IF_ERROR(Start(&groups_[next]));
    }
    for (Group& group : groups_) RETURN_IF_ERROR(Finish(&group));
    elapsed_ = absl::Now() - begin;
    return absl::OkStatus();
  }

  void Print() {
    std::sort(times_.begin(), times_.end());
    const auto at = [this](double share) {
      return absl::ToDoubleMilliseconds(times_[static_cast<size_t>(
          share * static_cast<double>(times_.size() - 1))]);
    };
    const double seconds = absl::ToDoubleSeconds(elapsed_);
    const auto steps = static_cast<double>(times_.size());
    const double tokens =
        steps * rows_ * static_cast<double>(groups_[0].tokens[0].size());
    std::printf("%6d %12.0f %12.3f %10.3f %10.3f\n", rows_, tokens / seconds,
                1e3 * seconds / steps, at(0.5), at(0.99));
    std::fflush(stdout);
  }

 private:
  absl::Status Start(Group* group) {
    std::vector<StepRow> rows(group->tokens.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      rows[i].tokens = group->tokens[i];
      rows[i].memory = group->memories[i];
      rows[i].fresh = group->fresh;
      rows[i].request = &request_;
    }
    group->started = absl::Now();
    ASSIGN_OR_RETURN(group->step, model_->Start(rows));
    return absl::OkStatus();
  }

  absl::Status Finish(Group* group) {
    ASSIGN_OR_RETURN(std::vector<StepResult> results, group->step->Wait());
    times_.push_back(absl::Now() - group->started);
    for (size_t i = 0; i < results.size(); ++i) {
      group->memories[i] = std::move(results[i].memory);
    }
    group->fresh = false;
    return absl::OkStatus();
  }

  SequenceModel* const model_;
  const OutputRequest request_;
  const int rows_;
  std::vector<Group> groups_;
  std::vector<absl::Duration> times_;
  absl::Duration elapsed_;
};

absl::Status Measure(const Flags& flags) {
  ASSIGN_OR_RETURN(const auto model, LoadModel(flags.model, flags.options));
  std::printf("%s, %s, %s, outputs %s, %d groups in turn\n",
              model->spec().name.c_str(), flags.options.device.c_str(),
              model->spec().numeric_mode.c_str(), flags.outputs.c_str(),
              flags.groups);
  std::printf("  rows     tokens/s      ms/step     p50 ms     p99 ms\n");
  for (const int rows : flags.rows) {
    Bench bench(model.get(), flags, rows);
    RETURN_IF_ERROR(bench.Run(absl::Seconds(flags.seconds / 4)));
    RETURN_IF_ERROR(bench.Run(absl::Seconds(flags.seconds)));
    bench.Print();
  }
  return absl::OkStatus();
}

int Fail(const std::string& why) {
  std::fprintf(stderr, "step_bench: %s\n", why.c_str());
  return 1;
}

int Run(int argc, char** argv) {
  Flags flags;
  CLI::App app("Measures a model's step, without a server");
  app.add_option("--model", flags.model, "model folder")->required();
  app.add_option("--device", flags.options.device, "cpu, cuda or cuda:N");
  app.add_option("--precision", flags.options.precision);
  app.add_option("--threads", flags.options.cpu_threads);
  app.add_option("--rows", flags.rows, "rows of a batch, one line each")
      ->delimiter(',');
  app.add_option("--tokens", flags.tokens, "of a row; 0: a full segment");
  app.add_option("--outputs", flags.outputs, "of each segment")
      ->check(CLI::IsMember({"none", "last", "all"}));
  app.add_option("--groups", flags.groups, "1: each step waits for the last")
      ->check(CLI::Range(1, 8));
  app.add_option("--seconds", flags.seconds, "of each line");
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = Measure(flags);
  return status.ok() ? 0 : Fail(std::string(status.message()));
}

}  // namespace
}  // namespace mneme

int main(int argc, char** argv) {
  try {
    return mneme::Run(argc, argv);
  } catch (const std::exception& error) {  // a bug, or no memory left
    return mneme::Fail(error.what());
  }
}
