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

// The head runs over at most this many logits at a time.
constexpr int64_t kMaxLogits = int64_t{1} << 26;

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
};

// One group's work. `source` indexes [hidden; carried].
class Group {
 public:
  Group(const OutputRequest& request, int64_t hidden_rows)
      : request_(request),
        hidden_rows_(hidden_rows),
        scores_(Asks(request, "log_probs")),
        top_k_(Asks(request, "top_k") || Asks(request, "top_k_log_probs")),
        predicts_(top_k_ || Asks(request, "argmax") ||
                  Asks(request, "logits")) {}

  void Add(size_t index, const LanguageRow& row);
  void RunHead(const Backbone& backbone, const at::Tensor& hidden,
               const at::Tensor& carried);
  std::vector<HostTensor> Take(const Place& place, const LanguageRow& row,
                               const at::Tensor& hidden) const;
  const std::vector<Place>& places() const { return places_; }

 private:
  int64_t Positions(int64_t tokens) const {
    return request_.last_position_only ? 1 : tokens;
  }
  void AddChunk(const at::Tensor& logits, const at::Tensor& targets);
  HostTensor TakeScores(const Place& place, const LanguageRow& row) const;

  const OutputRequest& request_;
  const int64_t hidden_rows_;
  const bool scores_, top_k_, predicts_;
  std::vector<Place> places_;
  std::vector<int64_t> source_, targets_;
  // Results of the head by position, in host memory.
  std::map<std::string, at::Tensor> results_;
  std::map<std::string, std::vector<at::Tensor>> chunks_;
};

void Group::Add(size_t index, const LanguageRow& row) {
  const auto tokens = static_cast<int64_t>(row.tokens.size());
  const int64_t first = request_.last_position_only ? tokens - 1 : 0;
  Place place;
  place.row = index;
  place.begin = static_cast<int64_t>(source_.size());
  if (scores_) {
    place.scores = Positions(tokens);
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
  places_.push_back(place);
}

void Group::AddChunk(const at::Tensor& logits, const at::Tensor& targets) {
  const auto keep = [this](const char* name, const at::Tensor& value) {
    chunks_[name].push_back(value.to(at::kCPU));
  };
  if (Asks(request_, "argmax")) keep("argmax", logits.argmax(-1).to(at::kInt));
  if (Asks(request_, "logits")) keep("logits", logits);
  if (!scores_ && !top_k_) return;
  const at::Tensor norm = at::logsumexp(logits, {-1}, /*keepdim=*/true);
  if (scores_) {
    keep("log_probs",
         (logits.gather(1, targets.unsqueeze(1)) - norm).squeeze(1));
  }
  if (top_k_) {
    const auto [values, indices] = at::topk(logits, request_.top_k);
    keep("top_k", indices.to(at::kInt));
    keep("top_k_log_probs", values - norm);
  }
}

void Group::RunHead(const Backbone& backbone, const at::Tensor& hidden,
                    const at::Tensor& carried) {
  if (source_.empty()) return;
  const at::Tensor all =
      scores_ ? at::cat({hidden, carried.to(hidden.scalar_type())}) : hidden;
  const at::Tensor source = ToDevice(source_, hidden.device());
  const at::Tensor targets = ToDevice(targets_, hidden.device());
  const auto size = static_cast<int64_t>(source_.size());
  const int64_t step = std::max<int64_t>(1, kMaxLogits / backbone.vocab_size());
  for (int64_t i = 0; i < size; i += step) {
    const int64_t count = std::min(step, size - i);
    const at::Tensor states = all.index_select(0, source.narrow(0, i, count));
    AddChunk(backbone.Head(states).to(at::kFloat),
             targets_.empty() ? targets : targets.narrow(0, i, count));
  }
  for (const auto& [name, parts] : chunks_) {
    results_[name] = parts.size() == 1 ? parts[0] : at::cat(parts);
  }
}

HostTensor Group::TakeScores(const Place& place, const LanguageRow& row) const {
  HostTensor scores =
      ToHost("log_probs",
             results_.at("log_probs").narrow(0, place.begin, place.scores));
  const bool from_carried =
      !request_.last_position_only || row.tokens.size() == 1;
  if (row.fresh && from_carried) {
    const float unscored = std::numeric_limits<float>::quiet_NaN();
    std::memcpy(scores.data.data(), &unscored, sizeof(unscored));
  }
  return scores;
}

std::vector<HostTensor> Group::Take(const Place& place, const LanguageRow& row,
                                    const at::Tensor& hidden) const {
  std::vector<HostTensor> outputs;
  for (const std::string& name : request_.names) {
    if (name == "log_probs") {
      outputs.push_back(TakeScores(place, row));
    } else if (name == "hidden_states") {
      const auto tokens = static_cast<int64_t>(row.tokens.size());
      const int64_t count = Positions(tokens);
      outputs.push_back(ToHost(
          name,
          hidden.narrow(0, row.begin + tokens - count, count).to(at::kFloat)));
    } else {
      outputs.push_back(
          ToHost(name, results_.at(name).narrow(
                           0, place.begin + place.size - place.predictions,
                           place.predictions)));
    }
  }
  return outputs;
}

}  // namespace

std::vector<TensorSpec> LanguageOutputs(int64_t vocab_size, int64_t width) {
  return {{"argmax", DType::kInt32, {-1}},
          {"top_k", DType::kInt32, {-1, -1}},
          {"top_k_log_probs", DType::kFloat32, {-1, -1}},
          {"log_probs", DType::kFloat32, {-1}},
          {"logits", DType::kFloat32, {-1, vocab_size}},
          {"hidden_states", DType::kFloat32, {-1, width}}};
}

bool NeedsCarried(const LanguageRow& row) {
  return row.request != nullptr && Asks(*row.request, "log_probs");
}

std::vector<std::vector<HostTensor>> MakeLanguageOutputs(
    const Backbone& backbone, const at::Tensor& hidden,
    const at::Tensor& carried, absl::Span<const LanguageRow> rows) {
  std::map<RequestKey, Group> groups;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].request == nullptr || rows[i].request->names.empty()) continue;
    const OutputRequest& request = *rows[i].request;
    groups
        .try_emplace(RequestKey(request.names, request.top_k,
                                request.last_position_only),
                     request, hidden.size(0))
        .first->second.Add(i, rows[i]);
  }
  std::vector<std::vector<HostTensor>> outputs(rows.size());
  for (auto& [key, group] : groups) {
    group.RunHead(backbone, hidden, carried);
    for (const Place& place : group.places()) {
      outputs[place.row] = group.Take(place, rows[place.row], hidden);
    }
  }
  return outputs;
}

}  // namespace mneme
