#include "model/checkpoint/config_reader.h"

#include <cmath>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"

namespace mneme {
namespace {

// Keys of every Hugging Face config that do not change the forward pass.
constexpr const char* kHuggingFaceKeys[] = {"_attn_implementation_autoset",
                                            "_commit_hash",
                                            "_name_or_path",
                                            "architectures",
                                            "auto_map",
                                            "bad_words_ids",
                                            "begin_suppress_tokens",
                                            "bos_token_id",
                                            "chunk_size_feed_forward",
                                            "classifier_dropout",
                                            "cross_attention_hidden_size",
                                            "decoder_start_token_id",
                                            "diversity_penalty",
                                            "do_sample",
                                            "dtype",
                                            "early_stopping",
                                            "encoder_no_repeat_ngram_size",
                                            "eos_token_id",
                                            "exponential_decay_length_penalty",
                                            "finetuning_task",
                                            "forced_bos_token_id",
                                            "forced_eos_token_id",
                                            "id2label",
                                            "initializer_range",
                                            "is_decoder",
                                            "keys_to_ignore_at_inference",
                                            "label2id",
                                            "length_penalty",
                                            "max_length",
                                            "min_length",
                                            "model_type",
                                            "no_repeat_ngram_size",
                                            "num_beam_groups",
                                            "num_beams",
                                            "num_return_sequences",
                                            "output_attentions",
                                            "output_hidden_states",
                                            "output_scores",
                                            "pad_token_id",
                                            "prefix",
                                            "problem_type",
                                            "remove_invalid_values",
                                            "repetition_penalty",
                                            "return_dict",
                                            "return_dict_in_generate",
                                            "sep_token_id",
                                            "suppress_tokens",
                                            "task_specific_params",
                                            "temperature",
                                            "tf_legacy_loss",
                                            "tokenizer_class",
                                            "top_k",
                                            "top_p",
                                            "torch_dtype",
                                            "torchscript",
                                            "transformers_version",
                                            "typical_p",
                                            "use_bfloat16",
                                            "use_cache"};

const nlohmann::json& EmptyObject() {
  static const auto* const empty = new nlohmann::json(nlohmann::json::object());
  return *empty;
}

// A value as it is shown in an error: short, and valid UTF-8 whatever it is.
std::string Show(const nlohmann::json& value) {
  std::string text =
      value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

}  // namespace

ConfigReader::ConfigReader(const nlohmann::json& object, std::string where)
    : object_(object.is_object() ? object : EmptyObject()),
      where_(std::move(where)) {
  if (!object.is_object()) {
    status_ = absl::InvalidArgumentError(
        absl::StrCat(where_, " is not a JSON object"));
  }
}

const nlohmann::json* ConfigReader::Find(const char* key) {
  known_.insert(key);
  const auto it = object_.find(key);
  return it == object_.end() || it->is_null() ? nullptr : &*it;
}

bool ConfigReader::Has(const char* key) { return Find(key) != nullptr; }

void ConfigReader::Fail(const char* key, absl::string_view expected) {
  if (!status_.ok()) return;
  const nlohmann::json* value = Find(key);
  const std::string got =
      value == nullptr ? "is missing" : "is " + Show(*value);
  status_ = absl::InvalidArgumentError(
      absl::StrCat(where_, ": \"", key, "\" ", got, "; expected ", expected));
}

void ConfigReader::Merge(const absl::Status& status) { status_.Update(status); }

int64_t ConfigReader::Int(const char* key, std::optional<int64_t> fallback,
                          int64_t min, int64_t max) {
  const nlohmann::json* value = Find(key);
  if (value == nullptr && fallback.has_value()) return *fallback;
  if (value != nullptr && value->is_number_integer()) {
    const bool huge = value->is_number_unsigned() &&
                      value->get<uint64_t>() > static_cast<uint64_t>(kMaxInt);
    const int64_t number = value->get<int64_t>();
    if (!huge && number >= min && number <= max) return number;
  }
  Fail(key, absl::StrCat("a whole number from ", min, " to ", max));
  return min;
}

double ConfigReader::Number(const char* key, std::optional<double> fallback,
                            bool zero_ok) {
  const nlohmann::json* value = Find(key);
  if (value == nullptr && fallback.has_value()) return *fallback;
  if (value != nullptr && value->is_number()) {
    const double number = value->get<double>();
    if (std::isfinite(number) && (number > 0 || (zero_ok && number == 0))) {
      return number;
    }
  }
  Fail(key, zero_ok ? "a number >= 0" : "a number > 0");
  return 1;
}

bool ConfigReader::Bool(const char* key, bool fallback) {
  const nlohmann::json* value = Find(key);
  if (value == nullptr) return fallback;
  if (!value->is_boolean()) {
    Fail(key, "true or false");
    return fallback;
  }
  return value->get<bool>();
}

std::string ConfigReader::String(const char* key,
                                 std::optional<std::string> fallback) {
  const nlohmann::json* value = Find(key);
  if (value == nullptr && fallback.has_value()) return *fallback;
  if (value == nullptr || !value->is_string()) {
    Fail(key, "a string");
    return "";
  }
  return value->get<std::string>();
}

std::vector<std::string> ConfigReader::Strings(const char* key) {
  std::vector<std::string> strings;
  const nlohmann::json* value = Find(key);
  if (value == nullptr) return strings;
  if (!value->is_array()) Fail(key, "a list of strings");
  for (const nlohmann::json& element : *value) {
    if (!element.is_string()) {
      Fail(key, "a list of strings");
      break;
    }
    strings.push_back(element.get<std::string>());
  }
  return strings;
}

const nlohmann::json& ConfigReader::Object(const char* key, bool required) {
  const nlohmann::json* value = Find(key);
  if (value == nullptr && !required) return EmptyObject();
  if (value == nullptr || !value->is_object()) {
    Fail(key, "a JSON object");
    return EmptyObject();
  }
  return *value;
}

void ConfigReader::Ignore(std::initializer_list<const char*> keys) {
  known_.insert(keys.begin(), keys.end());
}

void ConfigReader::IgnoreHuggingFaceKeys() {
  known_.insert(std::begin(kHuggingFaceKeys), std::end(kHuggingFaceKeys));
  Only("is_encoder_decoder", false);
  Only("add_cross_attention", false);
  Only("pruned_heads", nlohmann::json::object());
}

void ConfigReader::Only(const char* key, const nlohmann::json& value) {
  const nlohmann::json* found = Find(key);
  if (found != nullptr && *found != value) {
    Fail(key, absl::StrCat(Show(value), " (nothing else is supported)"));
  }
}

absl::Status ConfigReader::Finish() {
  if (!status_.ok()) return status_;
  for (const auto& [key, value] : object_.items()) {
    if (known_.count(key) == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(where_, ": unknown key \"", key, "\" = ", Show(value)));
    }
  }
  return absl::OkStatus();
}

}  // namespace mneme
