#include "model/train/corpus.h"

#include <filesystem>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "model/checkpoint/mapped_file.h"
#include "server/base/sha256.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

constexpr absl::string_view kWiki15Name = "wiki15-100M";
constexpr absl::string_view kWiki15Sha256 =
    "fce0658e43ca871e65f25a1aee8445aba71575de6fd36d59f806a1bbb271a312";

// A copy: the text must not change, or end, while a run reads it.
absl::StatusOr<std::string> ReadText(const std::string& path) {
  const auto file = MappedFile::Open(path);
  if (file.ok()) return std::string((*file)->bytes());
  std::string message = absl::StrCat("--data ", file.status().message());
  if (absl::IsNotFound(file.status())) {
    absl::StrAppend(&message, "; ", kWiki15Origin);
  }
  return absl::Status(file.status().code(), message);
}

absl::StatusOr<SplitSizes> FitSplits(const std::string& path, int64_t size,
                                     SplitSizes sizes) {
  if (sizes.train < 0 || sizes.valid < 0 || sizes.test < 0) {
    return absl::InvalidArgumentError("split sizes must not be negative");
  }
  // Without sums, which could overflow.
  const int64_t left = sizes.valid > size || sizes.test > size - sizes.valid
                           ? 0
                           : size - sizes.valid - sizes.test;
  if (sizes.train == 0) sizes.train = left;
  if (sizes.train == 0 || sizes.train > left) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--data ", path, ": ", size, " bytes are too few for the splits train ",
        sizes.train, ", valid ", sizes.valid, ", test ", sizes.test));
  }
  return sizes;
}

}  // namespace

absl::StatusOr<Corpus> Corpus::Load(const std::string& path,
                                    const SplitSizes& sizes,
                                    const std::string& sha256) {
  Corpus corpus;
  ASSIGN_OR_RETURN(corpus.bytes_, ReadText(path));
  const auto size = static_cast<int64_t>(corpus.bytes_.size());
  ASSIGN_OR_RETURN(corpus.sizes_, FitSplits(path, size, sizes));
  corpus.sha256_ =
      absl::BytesToHexString(AsBytes(Sha256().Update(corpus.bytes_).Finish()));
  std::string expected = absl::AsciiStrToLower(sha256);
  const std::string name = std::filesystem::path(path).filename().string();
  if (expected.empty() && absl::StartsWith(name, kWiki15Name)) {
    expected = std::string(kWiki15Sha256);
  }
  if (!expected.empty() && corpus.sha256_ != expected) {
    return absl::DataLossError(absl::StrCat("--data ", path, ": sha256 is ",
                                            corpus.sha256_, ", expected ",
                                            expected));
  }
  return corpus;
}

absl::string_view Corpus::Part(int64_t begin, int64_t size) const {
  return absl::string_view(bytes_).substr(static_cast<size_t>(begin),
                                          static_cast<size_t>(size));
}

}  // namespace mneme
