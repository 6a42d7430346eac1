#include "model/train/run_identity.h"

#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace mneme {
namespace {

using nlohmann::json;

json TextIdentity(const Corpus& corpus) {
  return {{"--data (its sha256)", corpus.sha256()},
          {"--train-bytes", corpus.train().size()},
          {"--valid-bytes", corpus.valid().size()},
          {"--test-bytes", corpus.test().size()}};
}

// Without the name, which changes nothing but config.json.
json ShapeIdentity(const ModelShape& shape) {
  return {{"--backbone", shape.backbone}, {"--layers", shape.layers},
          {"--width", shape.width},       {"--heads", shape.heads},
          {"--inner", shape.inner},       {"--memory", shape.memory},
          {"--segment", shape.segment}};
}

json OptimisationIdentity(const LmOptions& options) {
  return {{"--streams", options.streams},
          {"--bptt", options.bptt},
          {"--reset-probability", options.reset_probability},
          {"--lr", options.learning_rate},
          {"--warmup", options.warmup},
          {"--final-lr", options.final_rate},
          {"--beta1", options.beta1},
          {"--beta2", options.beta2},
          {"--epsilon", options.epsilon},
          {"--weight-decay", options.weight_decay},
          {"--clip", options.clip},
          {"--embedding-std", options.embedding_std},
          {"--seed", options.seed}};
}

std::string ValueIn(const json& identity, const std::string& key) {
  return identity.contains(key) ? identity[key].dump() : "not told";
}

}  // namespace

json RunIdentity(const LmOptions& options, const Corpus& corpus,
                 absl::string_view precision) {
  json identity = {{"--precision", std::string(precision)}};
  identity.update(TextIdentity(corpus));
  identity.update(ShapeIdentity(options.model));
  identity.update(OptimisationIdentity(options));
  return identity;
}

absl::Status CheckIdentity(const json& saved, const json& wanted,
                           const std::string& file) {
  if (saved == wanted) return absl::OkStatus();
  std::set<std::string> keys;
  for (const json* identity : {&saved, &wanted}) {
    if (!identity->is_object()) continue;
    for (const auto& item : identity->items()) keys.insert(item.key());
  }
  std::vector<std::string> changes;
  for (const std::string& key : keys) {
    const std::string was = ValueIn(saved, key), is = ValueIn(wanted, key);
    if (was != is) {
      changes.push_back(absl::StrCat(key, " was ", was, ", is ", is));
    }
  }
  return absl::FailedPreconditionError(
      absl::StrCat("--resume: ", file,
                   " is of another run: ", absl::StrJoin(changes, "; ")));
}

}  // namespace mneme
