#include "model/train/file_sums.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "model/checkpoint/durable_file.h"
#include "model/checkpoint/mapped_file.h"
#include "server/base/sha256.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

constexpr size_t kHexDigits = 64;
constexpr absl::string_view kBetween = "  ";

absl::StatusOr<std::string> HashOf(const std::string& path) {
  ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  return absl::BytesToHexString(
      AsBytes(Sha256().Update(file->bytes()).Finish()));
}

absl::Status Lost(const std::string& path, absl::string_view problem) {
  return absl::DataLossError(absl::StrCat(path, ": ", problem));
}

// The name in one line, once its file has the checksum in it.
absl::StatusOr<std::string> CheckLine(const std::string& folder,
                                      absl::string_view line) {
  const absl::string_view sum = line.substr(0, kHexDigits);
  absl::string_view name = line.substr(sum.size());
  if (!absl::ConsumePrefix(&name, kBetween) || name.empty() ||
      name.find('/') != absl::string_view::npos) {
    return Lost(absl::StrCat(folder, "/", kSumsFile),
                absl::StrCat("not a line of it: \"", line, "\""));
  }
  const std::string path = absl::StrCat(folder, "/", name);
  const auto found = HashOf(path);
  if (!found.ok()) return absl::DataLossError(found.status().message());
  if (*found != sum) {
    return Lost(path, absl::StrCat("its sha256 is ", *found, ", ", kSumsFile,
                                   " has ", sum));
  }
  return std::string(name);
}

}  // namespace

absl::Status WriteSums(const std::string& folder,
                       const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(const std::string sum,
                     HashOf(absl::StrCat(folder, "/", name)));
    absl::StrAppend(&text, sum, kBetween, name, "\n");
  }
  return WriteDurably(absl::StrCat(folder, "/", kSumsFile), text);
}

absl::StatusOr<std::vector<std::string>> CheckSums(const std::string& folder) {
  const std::string path = absl::StrCat(folder, "/", kSumsFile);
  const auto file = MappedFile::Open(path);
  if (!file.ok()) return absl::DataLossError(file.status().message());
  absl::string_view text = (*file)->bytes();
  if (!absl::ConsumeSuffix(&text, "\n")) return Lost(path, "truncated");
  std::vector<std::string> names;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    ASSIGN_OR_RETURN(names.emplace_back(), CheckLine(folder, line));
  }
  return names;
}

}  // namespace mneme
