#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/checkpoint/durable_file.h"
#include "model/checkpoint/safetensors.h"
#include "nlohmann/json.hpp"
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

absl::StatusOr<std::string> MakeHeader(
    const std::vector<const HostTensor*>& tensors,
    const std::map<std::string, std::string>& metadata) {
  nlohmann::json header = nlohmann::json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  size_t offset = 0;
  for (const HostTensor* tensor : tensors) {
    const auto size =
        static_cast<size_t>(NumElements(tensor->shape) * SizeOf(tensor->dtype));
    if (tensor->data.size() != size || header.contains(tensor->name)) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor \"", tensor->name, "\" comes twice or has ",
                       tensor->data.size(), " bytes instead of ", size));
    }
    header[tensor->name] = {{"dtype", std::string(DTypeName(tensor->dtype))},
                            {"shape", tensor->shape},
                            {"data_offsets", {offset, offset + size}}};
    offset += size;
  }
  std::string text =
      header.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  text.append((8 - text.size() % 8) % 8, ' ');
  std::string length(8, '\0');
  for (size_t i = 0; i < 8; ++i) {
    length[i] = static_cast<char>((text.size() >> (8 * i)) & 0xff);
  }
  return length + text;
}

}  // namespace

absl::Status WriteSafetensors(
    const std::string& path, absl::Span<const HostTensor> tensors,
    const std::map<std::string, std::string>& metadata) {
  const std::vector<const HostTensor*> order = InFileOrder(tensors);
  ASSIGN_OR_RETURN(const std::string header, MakeHeader(order, metadata));
  std::vector<absl::string_view> parts = {header};
  for (const HostTensor* tensor : order) parts.emplace_back(tensor->data);
  return WriteDurably(path, parts);
}

}  // namespace mneme
