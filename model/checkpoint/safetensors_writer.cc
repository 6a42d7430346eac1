#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/checkpoint/durable_file.h"
#include "model/checkpoint/safetensors.h"
#include "model/checkpoint/safetensors_header.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

// Wider elements first, so that every tensor is aligned to its dtype.
std::vector<const HostTensor*> InFileOrder(
    absl::Span<const HostTensor> tensors) {
  std::vector<const HostTensor*> order;
  for (const HostTensor& tensor : tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(),
            [](const HostTensor* a, const HostTensor* b) {
              return std::make_pair(-SizeOf(a->dtype), a->name) <
                     std::make_pair(-SizeOf(b->dtype), b->name);
            });
  return order;
}

absl::Status CheckSize(const HostTensor& tensor) {
  const int64_t size = NumElements(tensor.shape) * SizeOf(tensor.dtype);
  if (static_cast<int64_t>(tensor.data.size()) == size) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("tensor \"", tensor.name,
                                                 "\" has ", tensor.data.size(),
                                                 " bytes instead of ", size));
}

}  // namespace

absl::Status WriteSafetensors(
    const std::string& path, absl::Span<const HostTensor> tensors,
    const std::map<std::string, std::string>& metadata) {
  std::vector<TensorSpec> specs;
  std::vector<absl::string_view> parts = {""};
  for (const HostTensor* tensor : InFileOrder(tensors)) {
    RETURN_IF_ERROR(CheckSize(*tensor));
    specs.push_back({tensor->name, tensor->dtype, tensor->shape});
    parts.emplace_back(tensor->data);
  }
  ASSIGN_OR_RETURN(const std::string header,
                   MakeSafetensorsHeader(specs, metadata));
  parts.front() = header;
  return WriteDurably(path, parts);
}

}  // namespace mneme
