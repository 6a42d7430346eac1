#ifndef MNEME_MODEL_CHECKPOINT_CONFIG_READER_H_
#define MNEME_MODEL_CHECKPOINT_CONFIG_READER_H_

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace mneme {

// Reads one object of a model's config.json strictly: every value is checked
// for its type and range, and a key that nobody asked for is refused by name,
// so that a flag this project does not know can never be silently ignored.
//
// Getters return the value, or the default (also for a null), or, for a
// required key that is absent or wrong, a harmless value; the first error is
// kept and Finish() returns it. Callers read everything, then call Finish()
// once, and use nothing before it said OK. Used by one thread; `object` must
// outlive the reader.
class ConfigReader {
 public:
  static constexpr int64_t kMaxInt = std::numeric_limits<int32_t>::max();

  // `where` names the object in errors, e.g. "config.json: backbone".
  ConfigReader(const nlohmann::json& object, std::string where);

  // True when the key is there and not null. Counts as having asked for it.
  bool Has(const char* key);

  // A whole number in [min, max]; required unless there is a default.
  int64_t Int(const char* key, std::optional<int64_t> fallback, int64_t min = 1,
              int64_t max = kMaxInt);
  // A finite number > 0, or >= 0 where `zero_ok`.
  double Number(const char* key, std::optional<double> fallback,
                bool zero_ok = false);
  bool Bool(const char* key, bool fallback);
  std::string String(const char* key, std::optional<std::string> fallback);
  std::vector<std::string> Strings(const char* key);
  // The object at `key`; an empty object when absent or not an object.
  const nlohmann::json& Object(const char* key, bool required);

  // Keys that change nothing here, whatever their value.
  void Ignore(std::initializer_list<const char*> keys);
  // Keys of every Hugging Face config that do not change the forward pass.
  void IgnoreHuggingFaceKeys();
  // A flag this project knows but supports with one value only (or absent).
  void Only(const char* key, const nlohmann::json& value);

  // Keeps an error: "`key` is <its value>; expected <expected>".
  void Fail(const char* key, absl::string_view expected);
  // Keeps the error of an object read within this one.
  void Merge(const absl::Status& status);
  // The first error; else INVALID_ARGUMENT for a key nobody asked for.
  absl::Status Finish();

 private:
  const nlohmann::json* Find(const char* key);

  const nlohmann::json& object_;
  const std::string where_;
  std::set<std::string> known_;
  absl::Status status_;
};

}  // namespace mneme

#endif  // MNEME_MODEL_CHECKPOINT_CONFIG_READER_H_
