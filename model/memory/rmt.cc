#include "model/memory/rmt.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "model/backbone/make_backbone.h"
#include "model/checkpoint/model_folder.h"
#include "model/checkpoint/torch_tensor.h"
#include "model/memory/language_outputs.h"
#include "model/memory/rmt_batch.h"
#include "model/memory/rmt_cell.h"
#include "model/memory/rmt_graphs.h"
#include "model/memory/rmt_in_flight.h"
#include "model/memory/row_checks.h"
#include "model/runtime/device.h"
#include "model/runtime/device_streams.h"
#include "model/runtime/download.h"
#include "model/runtime/memory_slab.h"
#include "model/runtime/serving_kernels.h"
#include "model/runtime/torch_guard.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

// Its memory values are rows of a slab: memory [m * d], then last hidden [d],
// which is also the order of their saved bytes.
class Rmt final : public SequenceModel {
 public:
  // `memory`: the initial memory [m, d], undefined when m = 0. Called in the
  // scope of `streams`, as all was that made the arguments.
  Rmt(ModelSpec spec, std::unique_ptr<DeviceStreams> streams,
      std::unique_ptr<Backbone> backbone, int64_t num_memory,
      at::ScalarType residence, const Placement& place,
      const at::Tensor& memory);

  const ModelSpec& spec() const override { return spec_; }
  MemoryRef InitialMemory() const override { return initial_; }
  absl::StatusOr<std::unique_ptr<StepInFlight>> Start(
      absl::Span<const StepRow> rows) override;
  absl::StatusOr<std::vector<std::string>> Save(
      absl::Span<const MemoryRef> memories) override;
  absl::StatusOr<std::vector<MemoryRef>> Load(
      absl::Span<const absl::string_view> bytes) override;

 private:
  absl::StatusOr<std::vector<int64_t>> SlotsOf(
      absl::Span<const StepRow> rows) const;
  std::unique_ptr<StepInFlight> Run(RmtBatch batch);
  RmtOutput Compute(const RmtBatch& batch, const at::Tensor& memory);

  const ModelSpec spec_;
  const std::unique_ptr<DeviceStreams> streams_;
  const std::unique_ptr<Backbone> backbone_;
  const int64_t num_memory_, width_;
  const at::ScalarType residence_;
  const at::Device device_;
  MemorySlab slab_;
  RmtGraphs graphs_;
  MemoryRef initial_;
};

Rmt::Rmt(ModelSpec spec, std::unique_ptr<DeviceStreams> streams,
         std::unique_ptr<Backbone> backbone, int64_t num_memory,
         at::ScalarType residence, const Placement& place,
         const at::Tensor& memory)
    : spec_(std::move(spec)),
      streams_(std::move(streams)),
      backbone_(std::move(backbone)),
      num_memory_(num_memory),
      width_(backbone_->width()),
      residence_(residence),
      device_(place.device),
      slab_((num_memory + 1) * width_,
            at::TensorOptions().dtype(residence).device(device_)),
      graphs_(backbone_.get(), spec_.segment_size, num_memory, kFewRead,
              place.compute, device_) {
  at::Tensor value =
      at::zeros({1, (num_memory_ + 1) * width_},
                at::TensorOptions().dtype(residence).device(device_));
  if (num_memory_ > 0) {
    value = at::cat(
        {memory.reshape({1, num_memory_ * width_}), value.narrow(1, 0, width_)},
        1);
  }
  initial_ = slab_.Store(value)[0];
}

absl::StatusOr<std::vector<int64_t>> Rmt::SlotsOf(
    absl::Span<const StepRow> rows) const {
  std::vector<int64_t> slots;
  for (size_t i = 0; i < rows.size(); ++i) {
    slots.push_back(slab_.SlotOf(rows[i].memory.get()));
    if (slots.back() < 0) {
      return RowError(i, "its memory was made by another model");
    }
  }
  return slots;
}

RmtOutput Rmt::Compute(const RmtBatch& batch, const at::Tensor& memory) {
  const at::Tensor ids = ToDevice(batch.ids, device_);
  const auto rows = static_cast<int64_t>(batch.rows.size());
  const bool full = batch.lengths.back() == spec_.segment_size;
  if (full && graphs_.Has(rows, batch.read)) {
    return graphs_.Run(ids, memory, rows, batch.read);
  }
  return RmtStep(*backbone_, ids,
                 RmtLayout::Of(batch.lengths, num_memory_, device_, batch.read),
                 memory);
}

std::unique_ptr<StepInFlight> Rmt::Run(RmtBatch batch) {
  const auto rows = static_cast<int64_t>(batch.rows.size());
  const int64_t memory_columns = num_memory_ * width_;
  at::Tensor memory;
  if (num_memory_ > 0) {
    memory = slab_.Gather(batch.memory_slots, 0, memory_columns)
                 .view({rows, num_memory_, width_});
  }
  at::Tensor carried;
  if (batch.needs_carried) {
    carried = slab_.Gather(batch.slots, memory_columns, width_);
  }
  const RmtOutput out = Compute(batch, memory);
  at::Tensor value = out.hidden.index_select(0, ToDevice(batch.last, device_));
  if (num_memory_ > 0) {
    value = at::cat({out.memory.reshape({rows, memory_columns}), value}, 1);
  }
  auto step = std::make_unique<RmtInFlight>();
  step->memories = slab_.Store(value);
  step->outputs = PendingOutputs::Begin(*backbone_, out.hidden, carried,
                                        batch.rows, &step->download);
  step->order = std::move(batch.order);
  step->saved_rows = std::move(batch.saved_rows);
  if (!step->saved_rows.empty()) {
    std::vector<int64_t> slots;
    for (const size_t row : step->saved_rows) {
      slots.push_back(slab_.SlotOf(step->memories[row].get()));
    }
    step->saved = step->download.Add(slab_.Gather(slots));
  }
  step->download.Start(*streams_);
  return step;
}

absl::StatusOr<std::unique_ptr<StepInFlight>> Rmt::Start(
    absl::Span<const StepRow> rows) {
  RETURN_IF_ERROR(CheckRows(spec_, rows));
  ASSIGN_OR_RETURN(const std::vector<int64_t> slots, SlotsOf(rows));
  if (rows.empty()) return std::make_unique<RmtInFlight>();
  return InInferenceMode(
      [&]() -> absl::StatusOr<std::unique_ptr<StepInFlight>> {
        const DeviceStreams::Scope scope(*streams_);
        return Run(RmtBatch::Of(rows, slots, slab_.SlotOf(initial_.get())));
      });
}

absl::StatusOr<std::vector<std::string>> Rmt::Save(
    absl::Span<const MemoryRef> memories) {
  std::vector<int64_t> slots;
  for (const MemoryRef& memory : memories) {
    slots.push_back(slab_.SlotOf(memory.get()));
    if (slots.back() < 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          "memory ", slots.size() - 1, " was made by another model"));
    }
  }
  if (slots.empty()) return std::vector<std::string>();
  return InInferenceMode([&]() -> absl::StatusOr<std::vector<std::string>> {
    const DeviceStreams::Scope scope(*streams_);
    const HostTensor values = ToHost("", slab_.Gather(slots));
    const auto size = static_cast<size_t>(spec_.memory_bytes());
    std::vector<std::string> bytes;
    for (size_t i = 0; i < slots.size(); ++i) {
      bytes.push_back(values.data.substr(i * size, size));
    }
    return bytes;
  });
}

absl::StatusOr<std::vector<MemoryRef>> Rmt::Load(
    absl::Span<const absl::string_view> bytes) {
  std::string values;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (static_cast<int64_t>(bytes[i].size()) != spec_.memory_bytes()) {
      return absl::DataLossError(
          absl::StrCat("memory ", i, " has ", bytes[i].size(), " bytes; model ",
                       spec_.name, " has memories of ", spec_.memory_bytes()));
    }
    absl::StrAppend(&values, bytes[i]);
  }
  if (bytes.empty()) return std::vector<MemoryRef>();
  return InInferenceMode([&]() -> absl::StatusOr<std::vector<MemoryRef>> {
    const DeviceStreams::Scope scope(*streams_);
    const at::Tensor host = FromBytes(
        DTypeOf(residence_),
        {static_cast<int64_t>(bytes.size()), (num_memory_ + 1) * width_},
        values);
    return slab_.Store(ToDevice(host, device_));
  });
}

ModelSpec MakeSpec(const ModelConfig& config, const Backbone& backbone,
                   at::ScalarType compute) {
  ModelSpec spec;
  spec.name = config.name;
  spec.version = config.version;
  spec.architecture = config.architecture;
  const char* residence = PrecisionName(ScalarTypeOf(config.memory_dtype));
  spec.numeric_mode = PrecisionName(compute);
  if (spec.numeric_mode != residence) {
    absl::StrAppend(&spec.numeric_mode, "/", residence);
  }
  spec.segment_size = config.segment_size;
  spec.vocab_size = backbone.vocab_size();
  spec.tokenizer = config.tokenizer;
  spec.outputs = LanguageOutputs(backbone.vocab_size(), backbone.width());
  if (config.num_mem_tokens > 0) {
    spec.memory.push_back({"memory",
                           config.memory_dtype,
                           {config.num_mem_tokens, backbone.width()}});
  }
  spec.memory.push_back(
      {"last_hidden", config.memory_dtype, {backbone.width()}});
  return spec;
}

// What is left to fail here is the device.
absl::StatusOr<std::unique_ptr<SequenceModel>> Build(const ModelConfig& config,
                                                     const Placement& place,
                                                     ModelFolder loaded) {
  const at::ScalarType residence = ScalarTypeOf(config.memory_dtype);
  auto streams = std::make_unique<DeviceStreams>(place.device);
  const DeviceStreams::Scope scope(*streams);
  at::Tensor memory;
  if (config.num_mem_tokens > 0) {
    const auto node = loaded.tensors.extract("memory");
    memory =
        FromBytes(*node.mapped().dtype, node.mapped().shape, node.mapped().data)
            .to(place.device, residence);
  }
  const WeightMap weights =
      LoadWeights(loaded.tensors, place.compute, place.device);
  ASSIGN_OR_RETURN(auto backbone,
                   MakeBackbone(config.backbone, weights, MaxRow(config)));
  backbone->Freeze();
  ModelSpec spec = MakeSpec(config, *backbone, place.compute);
  spec.fingerprint = loaded.fingerprint;
  auto rmt = std::make_unique<Rmt>(std::move(spec), std::move(streams),
                                   std::move(backbone), config.num_mem_tokens,
                                   residence, place, memory);
  return rmt;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SequenceModel>> MakeRmt(
    const ModelConfig& config, const ModelOptions& options) {
  ASSIGN_OR_RETURN(const Placement place, PlacementOf(options));
  ASSIGN_OR_RETURN(ModelFolder loaded, ReadModelFolder(config));
  if (place.device.is_cuda()) {
    PreferFastAttention();
    UseServingKernels();
  }
  auto model =
      InInferenceMode([&] { return Build(config, place, std::move(loaded)); });
  if (model.ok()) return model;
  return absl::Status(
      model.status().code(),
      absl::StrCat(config.folder, ": ", model.status().message()));
}

}  // namespace mneme
