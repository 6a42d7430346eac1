#include "model/runtime/device.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/SDPBackend.h>
#include <ATen/ops/empty.h>

#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

absl::StatusOr<at::Device> ParseDevice(const std::string& text) {
  if (text == "cpu") return at::Device(at::kCPU);
  absl::string_view rest = text;
  int index = 0;
  const bool cuda = absl::ConsumePrefix(&rest, "cuda");
  const bool indexed = absl::ConsumePrefix(&rest, ":");
  if (!cuda || indexed == rest.empty() ||
      (indexed && (!absl::SimpleAtoi(rest, &index) || index < 0))) {
    return absl::InvalidArgumentError(absl::StrCat(
        "device \"", text, "\"; expected \"cpu\", \"cuda\" or \"cuda:N\""));
  }
  const int devices = at::hasCUDA()
                          ? at::globalContext()
                                .getAcceleratorHooksInterface(at::kCUDA)
                                .deviceCount()
                          : 0;
  if (index >= devices) {
    return absl::FailedPreconditionError(
        absl::StrCat("device \"", text, "\": this machine has ", devices,
                     " CUDA devices that this build can use"));
  }
  return at::Device(at::kCUDA, static_cast<at::DeviceIndex>(index));
}

}  // namespace

absl::StatusOr<Placement> PlacementOf(const ModelOptions& options) {
  Placement placement;
  ASSIGN_OR_RETURN(placement.device, ParseDevice(options.device));
  if (options.precision.empty()) {
    placement.compute = placement.device.is_cuda() ? at::kBFloat16 : at::kFloat;
  } else if (options.precision == "bfloat16") {
    placement.compute = at::kBFloat16;
  } else if (options.precision != "float32") {
    return absl::InvalidArgumentError(
        absl::StrCat("precision \"", options.precision,
                     "\"; expected \"float32\" or \"bfloat16\""));
  }
  if (options.cpu_threads < 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "cpu_threads ", options.cpu_threads, "; expected 0 or more"));
  }
  if (options.cpu_threads > 0) at::set_num_threads(options.cpu_threads);
  return placement;
}

const char* PrecisionName(at::ScalarType type) {
  if (type == at::kBFloat16) return "bfloat16";
  return type == at::kHalf ? "float16" : "float32";
}

void PreferFastAttention() {
  std::vector<int64_t> order;
  for (const at::SDPBackend backend :
       {at::SDPBackend::cudnn_attention, at::SDPBackend::flash_attention,
        at::SDPBackend::efficient_attention, at::SDPBackend::math}) {
    order.push_back(static_cast<int64_t>(backend));
  }
  at::globalContext().setSDPPriorityOrder(order);
}

at::Tensor ToDevice(const std::vector<int64_t>& values, at::Device device) {
  at::Tensor host = at::empty(
      {static_cast<int64_t>(values.size())},
      at::TensorOptions().dtype(at::kLong).pinned_memory(device.is_cuda()));
  if (!values.empty()) {
    std::memcpy(host.mutable_data_ptr(), values.data(),
                values.size() * sizeof(int64_t));
  }
  return device.is_cpu() ? host : host.to(device, /*non_blocking=*/true);
}

at::Tensor ToDevice(const at::Tensor& host, at::Device device) {
  if (device.is_cpu()) return host;
  return host.pin_memory().to(device, /*non_blocking=*/true);
}

}  // namespace mneme
