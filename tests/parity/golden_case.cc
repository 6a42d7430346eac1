#include "tests/parity/golden_case.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "model/checkpoint/checkpoint.h"
#include "model/checkpoint/model_config.h"
#include "model/checkpoint/safetensors.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

constexpr double kTolerance = 1e-4;

std::vector<std::vector<int32_t>> ReadTokens(const StoredTensor& tensor) {
  const auto length = static_cast<size_t>(tensor.shape[1]);
  std::vector<int64_t> ids(tensor.data.size() / sizeof(int64_t));
  std::memcpy(ids.data(), tensor.data.data(), tensor.data.size());
  std::vector<std::vector<int32_t>> rows;
  for (size_t i = 0; i < ids.size(); i += length) {
    std::vector<int32_t> row;
    for (size_t j = i; j < i + length; ++j) {
      row.push_back(static_cast<int32_t>(ids[j]));
    }
    rows.push_back(row);
  }
  return rows;
}

}  // namespace

absl::Span<const float> GoldenTensor::Row(size_t row) const {
  const size_t size = values.size() / static_cast<size_t>(shape[0]);
  return absl::MakeConstSpan(values).subspan(row * size, size);
}

std::vector<std::string> GoldenFolders() {
  // Nothing writes the environment. NOLINTNEXTLINE(concurrency-mt-unsafe)
  const char* root = std::getenv("MNEME_GOLDEN");
  if (root == nullptr) root = MNEME_BUNDLED_GOLDEN;
  std::vector<std::string> folders;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(root, error)) {
    if (std::filesystem::exists(entry.path() / "io.safetensors")) {
      folders.push_back(entry.path().string());
    }
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

std::string GoldenTestName(
    const ::testing::TestParamInfo<std::string>& folder) {
  std::string name = std::filesystem::path(folder.param).filename().string();
  for (char& c : name) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
}

std::string TestDevice() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): as above.
  const char* device = std::getenv("MNEME_TEST_DEVICE");
  return device == nullptr ? "cpu" : device;
}

absl::StatusOr<GoldenCase> ReadGoldenCase(const std::string& folder) {
  GoldenCase golden;
  golden.folder = folder;
  ASSIGN_OR_RETURN(const auto config,
                   ReadJsonFile(absl::StrCat(folder, "/config.json")));
  golden.architecture = config.value("architecture", "");
  const auto known = Architectures();
  golden.built =
      std::find(known.begin(), known.end(), golden.architecture) != known.end();
  ASSIGN_OR_RETURN(const StoredTensors tensors,
                   ReadSafetensors(absl::StrCat(folder, "/io.safetensors")));
  for (const auto& [key, tensor] : tensors) {
    // segment.<number>.<name>
    const std::vector<std::string> parts =
        absl::StrSplit(key, absl::MaxSplits('.', 2));
    size_t segment = 0;
    if (parts.size() != 3 || !absl::SimpleAtoi(parts[1], &segment)) {
      return absl::InvalidArgumentError(absl::StrCat("golden key ", key));
    }
    if (golden.segments.size() <= segment) golden.segments.resize(segment + 1);
    if (parts[2] == "tokens") {
      golden.segments[segment].tokens = ReadTokens(tensor);
    } else if (tensor.dtype == DType::kFloat32) {
      golden.segments[segment].results[parts[2]] = {tensor.shape,
                                                    Floats(tensor.data)};
    } else if (golden.built) {
      return absl::InvalidArgumentError(
          absl::StrCat("golden key ", key, ": ", tensor.dtype_name,
                       ", expected a result of F32"));
    }
  }
  return golden;
}

void Differences::Compare(const std::string& name,
                          const GoldenTensor& reference, size_t row,
                          absl::Span<const float> ours) {
  Entry& entry = entries_[name];
  double scale = 1;
  for (const float value : reference.values) {
    scale = std::max(scale, std::abs(static_cast<double>(value)));
  }
  const absl::Span<const float> expected = reference.Row(row);
  double largest = ours.size() == expected.size()
                       ? 0
                       : std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < std::min(ours.size(), expected.size()); ++i) {
    const double difference = std::abs(static_cast<double>(ours[i]) -
                                       static_cast<double>(expected[i]));
    // A NaN counts as an infinite difference.
    largest = difference <= largest    ? largest
              : std::isnan(difference) ? std::numeric_limits<double>::infinity()
                                       : difference;
  }
  ++entry.compared;
  entry.largest = std::max(entry.largest, largest);
  entry.bound = std::max(entry.bound, kTolerance * scale);
  entry.relative_to_bound =
      std::max(entry.relative_to_bound, largest / (kTolerance * scale));
}

bool Differences::Report(const std::string& title) const {
  bool ok = !entries_.empty();
  for (const auto& [name, entry] : entries_) {
    std::printf("%s: %s: largest difference %.2e, bound %.2e (%lld rows)\n",
                title.c_str(), name.c_str(), entry.largest, entry.bound,
                static_cast<long long>(entry.compared));
    ok = ok && entry.relative_to_bound <= 1;
  }
  return ok;
}

std::vector<float> Floats(absl::string_view bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

std::map<std::string, std::vector<float>> MemoryTensors(
    const ModelSpec& spec, absl::string_view bytes) {
  std::map<std::string, std::vector<float>> tensors;
  for (const TensorSpec& tensor : spec.memory) {
    const auto size =
        static_cast<size_t>(NumElements(tensor.shape) * SizeOf(tensor.dtype));
    if (tensor.dtype == DType::kFloat32) {
      tensors[tensor.name] = Floats(bytes.substr(0, size));
    }
    bytes.remove_prefix(size);
  }
  return tensors;
}

}  // namespace mneme
