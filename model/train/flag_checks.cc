#include "model/train/flag_checks.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "server/base/status_macros.h"

namespace mneme {

absl::Status Refuse(absl::string_view flag, const absl::AlphaNum& value,
                    absl::string_view expected) {
  return absl::InvalidArgumentError(
      absl::StrCat(flag, " ", value, "; expected ", expected));
}

absl::Status CheckAtLeast(absl::string_view flag, int64_t value,
                          int64_t least) {
  if (value >= least) return absl::OkStatus();
  return Refuse(flag, value,
                least == 0 ? "0 or more" : absl::StrCat("at least ", least));
}

absl::Status CheckText(const std::string& data, const std::string& sha256,
                       const SplitSizes& splits) {
  if (data.empty()) return Refuse("--data", "\"\"", "a text file");
  const bool hex = std::all_of(sha256.begin(), sha256.end(), [](char c) {
    return absl::ascii_isxdigit(static_cast<unsigned char>(c));
  });
  if (!sha256.empty() && (sha256.size() != 64 || !hex)) {
    return Refuse("--data-sha256", absl::StrCat("\"", sha256, "\""),
                  "64 hexadecimal digits");
  }
  RETURN_IF_ERROR(CheckAtLeast("--train-bytes", splits.train, 0));
  RETURN_IF_ERROR(CheckAtLeast("--valid-bytes", splits.valid, 0));
  return CheckAtLeast("--test-bytes", splits.test, 0);
}

}  // namespace mneme
