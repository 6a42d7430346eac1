#ifndef MNEME_TESTS_PARITY_GOLDEN_CASE_H_
#define MNEME_TESTS_PARITY_GOLDEN_CASE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "model/sequence_model.h"

namespace mneme {

// A tensor of a golden file, [B, ...], as floats.
struct GoldenTensor {
  std::vector<int64_t> shape;
  std::vector<float> values;

  // The values of one row of the batch.
  absl::Span<const float> Row(size_t row) const;
};

// One segment of a golden run: what went in and what the reference returned.
struct GoldenSegment {
  std::vector<std::vector<int32_t>> tokens;     // [B][T]
  std::map<std::string, GoldenTensor> results;  // "logits", "memory", ...
};

// A case folder: a model folder with io.safetensors beside it. The format is
// described in tests/parity/golden/README.md.
struct GoldenCase {
  std::string folder;
  std::string architecture;
  bool built = false;  // this build can load the architecture
  std::vector<GoldenSegment> segments;

  size_t rows() const { return segments.front().tokens.size(); }
};

// The case folders under $MNEME_GOLDEN, else the ones in the source tree.
std::vector<std::string> GoldenFolders();
absl::StatusOr<GoldenCase> ReadGoldenCase(const std::string& folder);

// The name of the test of a case folder, of letters, digits and '_', as
// GoogleTest wants it.
std::string GoldenTestName(const ::testing::TestParamInfo<std::string>& folder);

// Where the tests run the models: $MNEME_TEST_DEVICE ("cuda"), else "cpu".
std::string TestDevice();

// Keeps the largest differences between what we computed and the reference.
// Not thread-safe.
class Differences {
 public:
  // Compares the row of `reference` with `ours`, F32 data.
  void Compare(const std::string& name, const GoldenTensor& reference,
               size_t row, absl::Span<const float> ours);
  // Prints each tensor's largest difference and its bound; true when all are
  // within 1e-4 * max(1, max |reference|).
  bool Report(const std::string& title) const;

 private:
  struct Entry {
    double largest = 0;
    double relative_to_bound = 0;
    double bound = 0;
    int64_t compared = 0;
  };
  std::map<std::string, Entry> entries_;
};

// The floats in a host tensor's or memory's bytes.
std::vector<float> Floats(absl::string_view bytes);

// Saved memory, cut into the tensors of the spec (float32 ones).
std::map<std::string, std::vector<float>> MemoryTensors(
    const ModelSpec& spec, absl::string_view bytes);

}  // namespace mneme

#endif  // MNEME_TESTS_PARITY_GOLDEN_CASE_H_
