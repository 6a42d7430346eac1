#include "server/session/model_match.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/base/error_info.h"

namespace mneme {
namespace {

const TensorSpec* FindTensor(const std::vector<TensorSpec>& tensors,
                             const std::string& name) {
  const auto it = std::find_if(
      tensors.begin(), tensors.end(),
      [&](const TensorSpec& tensor) { return tensor.name == name; });
  return it == tensors.end() ? nullptr : &*it;
}

std::string Describe(const TensorSpec& tensor) {
  return absl::StrCat(DTypeName(tensor.dtype), " [",
                      absl::StrJoin(tensor.shape, ", "), "]");
}

// How the memory of a stored session differs from the model's; "": not at all.
std::string MemoryMismatch(const std::vector<TensorSpec>& stored,
                           const std::vector<TensorSpec>& here) {
  for (const TensorSpec& was : stored) {
    const TensorSpec* is = FindTensor(here, was.name);
    if (is != nullptr && Describe(*is) == Describe(was)) continue;
    return absl::StrCat("its memory tensor '", was.name, "' was ",
                        Describe(was), ", here ",
                        is == nullptr ? "there is none"
                                      : absl::StrCat("it is ", Describe(*is)));
  }
  for (const TensorSpec& is : here) {
    if (FindTensor(stored, is.name) != nullptr) continue;
    return absl::StrCat("its memory tensor '", is.name, "' was not there");
  }
  const auto same_name = [](const TensorSpec& a, const TensorSpec& b) {
    return a.name == b.name;
  };
  if (std::equal(stored.begin(), stored.end(), here.begin(), here.end(),
                 same_name)) {
    return "";
  }
  return "its memory tensors were stored in another order";
}

}  // namespace

absl::Status CheckModel(const ModelIdentity& opened_on,
                        const SequenceModel* model) {
  const auto mismatch = [&](absl::string_view why) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "MODEL_MISMATCH",
                     absl::StrCat("the session was opened on model '",
                                  opened_on.name, "'; ", why));
  };
  if (model == nullptr) return mismatch("this server does not hold it");
  const ModelSpec& spec = model->spec();
  if (spec.fingerprint != opened_on.fingerprint) {
    return mismatch(absl::StrCat("the model '", spec.name,
                                 "' of this server has other weights"));
  }
  if (spec.numeric_mode != opened_on.numeric_mode) {
    return mismatch(absl::StrCat("its numeric mode was ",
                                 opened_on.numeric_mode, ", here it is ",
                                 spec.numeric_mode));
  }
  const std::string why = MemoryMismatch(opened_on.memory, spec.memory);
  return why.empty() ? absl::OkStatus() : mismatch(why);
}

}  // namespace mneme
