#include "model/memory/language_outputs.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/topk.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "model/checkpoint/torch_tensor.h"
#include "model/runtime/device.h"

namespace mneme {
namespace {

// The head runs over at most this many logits at a time. A large GPU has room
// for more, and its matrix units want it.
int64_t MaxLogits(const at::Tensor& hidden) {
  return int64_t{1} << (hidden.is_cuda() ? 29 : 26);
}

bool Asks(const OutputRequest& request, const char* name) {
  return std::find(request.names.begin(), request.names.end(), name) !=
         request.names.end();
}

// Rows that ask for the same are computed together.
using RequestKey = std::tuple<std::vector<std::string>, int64_t, bool>;

// Where one row lies in its group's list of head positions. The positions that
// score a token are its first `scores`; those that predict one are its last
// `predictions`. Both are one behind the other, so most positions do both.
struct Place {
  size_t row = 0;
  int64_t begin = 0;
  int64_t scores = 0;
  int64_t predictions = 0;
  int64_t size = 0;
  // The first score has nothing before it.
  bool unscored = false;
  size_t hidden = 0;  // its hidden states in the download, if asked for
};

}  // namespace

// Rows that ask for the same, which are computed together. `source_` indexes
// [hidden; carried].
class PendingOutputs::Group {
 public:
  Group(const OutputRequest& request, int64_t hidden_rows)
      : request_(request),
        hidden_rows_(hidden_rows),
        scores_(Asks(request, "log_probs")),
        top_k_(Asks(request, "top_k") || Asks(request, "top_k_log_probs")),
        predicts_(top_k_ || Asks(request, "argmax") ||
                  Asks(request, "logits")) {}

  void Add(size_t index, const LanguageRow& row, const at::Tensor& hidden,
           Download* download);
  void RunHead(const Backbone& backbone, const at::Tensor& hidden,
               const at::Tensor& carried, Download* download);
  void Take(const Download& download,
            std::vector<std::vector<HostTensor>>* outputs) const;

 private:
  using Results = std::map<std::string, at::Tensor>;

  int64_t Positions(int64_t tokens) const {
    return request_.last_position_only ? 1 : tokens;
  }
  void AddChunk(const at::Tensor& logits, const at::Tensor& targets,
                Download* download);
  HostTensor TakeOne(const std::string& name, const Place& place,
                     const Download& download, const Results& results) const;

  OutputRequest request_;
  int64_t hidden_rows_;
  bool scores_, top_k_, predicts_;
  std::vector<Place> places_;
  std::vector<int64_t> source_, targets_;
  // Results of the head by position, in parts: their numbers in the download.
  std::map<std::string, std::vector<size_t>> parts_;
};

void PendingOutputs::Group::Add(size_t index, const LanguageRow& row,
                                const at::Tensor& hidden, Download* download) {
  const auto tokens = static_cast<int64_t>(row.tokens.size());
  const int64_t first = request_.last_position_only ? tokens - 1 : 0;
  Place place;
  place.row = index;
  place.begin = static_cast<int64_t>(source_.size());
  if (scores_) {
    place.scores = Positions(tokens);
    place.unscored = row.fresh && first == 0;
    source_.push_back(first == 0 ? hidden_rows_ + static_cast<int64_t>(index)
                                 : row.begin + first - 1);
    for (int64_t i = first; i + 1 < tokens; ++i) {
      source_.push_back(row.begin + i);
    }
    targets_.insert(targets_.end(), row.tokens.begin() + first,
                    row.tokens.end());
  }
  if (predicts_) {
    place.predictions = Positions(tokens);
    for (int64_t i = scores_ ? tokens - 1 : first; i < tokens; ++i) {
      source_.push_back(row.begin + i);
    }
    targets_.resize(source_.size(), 0);
  }
  place.size = static_cast<int64_t>(source_.size()) - place.begin;
  if (Asks(request_, "hidden_states")) {
    const at::Tensor states =
        hidden.narrow(0, row.begin + first, tokens - first);
    // A copy: the next step may write where these lie.
    place.hidden = download->Add(
        states.to(at::kFloat, /*non_blocking=*/false, /*copy=*/true));
  }
  places_.push_back(place);
}

void PendingOutputs::Group::AddChunk(const at::Tensor& logits,
                                     const at::Tensor& targets,
                                     Download* download) {
  const auto keep = [&](const char* name, const at::Tensor& value) {
    parts_[name].push_back(download->Add(value));
  };
  if (Asks(request_, "argmax")) keep("argmax", logits.argmax(-1).to(at::kInt));
  if (!scores_ && !top_k_ && !Asks(request_, "logits")) return;
  const at::Tensor wide = logits.to(at::kFloat);
  if (Asks(request_, "logits")) keep("logits", wide);
  if (!scores_ && !top_k_) return;
  const at::Tensor norm = at::logsumexp(wide, {-1}, /*keepdim=*/true);
  if (scores_) {
    keep("log_probs", (wide.gather(1, targets.unsqueeze(1)) - norm).squeeze(1));
  }
  if (top_k_) {
    const auto [values, indices] = at::topk(wide, request_.top_k);
    keep("top_k", indices.to(at::kInt));
    keep("top_k_log_probs", values - norm);
  }
}

void PendingOutputs::Group::RunHead(const Backbone& backbone,
                                    const at::Tensor& hidden,
                                    const at::Tensor& carried,
                                    Download* download) {
  if (source_.empty()) return;
  const at::Tensor all =
      scores_ ? at::cat({hidden, carried.to(hidden.scalar_type())}) : hidden;
  const at::Tensor source = ToDevice(source_, hidden.device());
  const at::Tensor targets = ToDevice(targets_, hidden.device());
  const auto size = static_cast<int64_t>(source_.size());
  const int64_t step =
      std::max<int64_t>(1, MaxLogits(hidden) / backbone.vocab_size());
  for (int64_t i = 0; i < size; i += step) {
    const int64_t count = std::min(step, size - i);
    const at::Tensor states = all.index_select(0, source.narrow(0, i, count));
    AddChunk(backbone.Head(states),
             targets_.empty() ? targets : targets.narrow(0, i, count),
             download);
  }
}

HostTensor PendingOutputs::Group::TakeOne(const std::string& name,
                                          const Place& place,
                                          const Download& download,
                                          const Results& results) const {
  if (name == "hidden_states") {
    return ToHost(name, download.host(place.hidden));
  }
  if (name != "log_probs") {
    return ToHost(name, results.at(name).narrow(
                            0, place.begin + place.size - place.predictions,
                            place.predictions));
  }
  HostTensor scores =
      ToHost(name, results.at(name).narrow(0, place.begin, place.scores));
  if (place.unscored) {
    const float unscored = std::numeric_limits<float>::quiet_NaN();
    std::memcpy(scores.data.data(), &unscored, sizeof(unscored));
  }
  return scores;
}

void PendingOutputs::Group::Take(
    const Download& download,
    std::vector<std::vector<HostTensor>>* outputs) const {
  Results results;
  for (const auto& [name, numbers] : parts_) {
    std::vector<at::Tensor> parts;
    for (const size_t number : numbers) parts.push_back(download.host(number));
    results[name] = parts.size() == 1 ? parts[0] : at::cat(parts);
  }
  for (const Place& place : places_) {
    for (const std::string& name : request_.names) {
      (*outputs)[place.row].push_back(TakeOne(name, place, download, results));
    }
  }
}

std::vector<TensorSpec> LanguageOutputs(int64_t vocab_size, int64_t width) {
  return {{"argmax", DType::kInt32, {-1}},
          {"top_k", DType::kInt32, {-1, -1}},
          {"top_k_log_probs", DType::kFloat32, {-1, -1}},
          {"log_probs", DType::kFloat32, {-1}},
          {"logits", DType::kFloat32, {-1, vocab_size}},
          {"hidden_states", DType::kFloat32, {-1, width}}};
}

int64_t TokensRead(const LanguageRow& row) {
  const auto tokens = static_cast<int64_t>(row.tokens.size());
  if (row.request == nullptr || row.request->names.empty()) return 1;
  if (!row.request->last_position_only) return tokens;
  return std::min<int64_t>(tokens, Asks(*row.request, "log_probs") ? 2 : 1);
}

bool NeedsCarried(const LanguageRow& row) {
  return row.request != nullptr && Asks(*row.request, "log_probs");
}

PendingOutputs::PendingOutputs() = default;
PendingOutputs::~PendingOutputs() = default;
PendingOutputs::PendingOutputs(PendingOutputs&&) noexcept = default;
PendingOutputs& PendingOutputs::operator=(PendingOutputs&&) noexcept = default;

PendingOutputs PendingOutputs::Begin(const Backbone& backbone,
                                     const at::Tensor& hidden,
                                     const at::Tensor& carried,
                                     absl::Span<const LanguageRow> rows,
                                     Download* download) {
  std::map<RequestKey, Group> groups;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].request == nullptr || rows[i].request->names.empty()) continue;
    const OutputRequest& request = *rows[i].request;
    groups
        .try_emplace(RequestKey(request.names, request.top_k,
                                request.last_position_only),
                     request, hidden.size(0))
        .first->second.Add(i, rows[i], hidden, download);
  }
  PendingOutputs pending;
  pending.rows_ = rows.size();
  for (auto& [key, group] : groups) {
    group.RunHead(backbone, hidden, carried, download);
    pending.groups_.push_back(std::move(group));
  }
  return pending;
}

std::vector<std::vector<HostTensor>> PendingOutputs::Take(
    const Download& download) const {
  std::vector<std::vector<HostTensor>> outputs(rows_);
  for (const Group& group : groups_) group.Take(download, &outputs);
  return outputs;
}

}  // namespace mneme
