#include "client/cli/output_files.h"

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/handles_file.h"
#include "server/base/status_macros.h"

namespace mneme::cli {
namespace {

namespace fs = std::filesystem;

bool IsSame(const std::string& a, const std::string& b) {
  std::error_code error;
  if (fs::equivalent(a, b, error)) return true;
  const fs::path first = fs::weakly_canonical(a, error);
  return !error && first == fs::weakly_canonical(b, error) && !error;
}

absl::Status CheckIsNoneOf(const char* flag, const std::string& path,
                           const std::vector<std::string>& others) {
  for (const std::string& other : others) {
    if (path.empty() || other.empty() || !IsSame(path, other)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(flag, " ", path,
                     ": expected a file of its own; this run also uses it "
                     "otherwise, and would overwrite it"));
  }
  return absl::OkStatus();
}

// The texts that the run reads.
std::vector<std::string> Texts(const StreamArguments& arguments) {
  std::vector<std::string> texts = arguments.files;
  if (arguments.resume_file.empty()) return texts;
  const auto points = ReadHandles(arguments.resume_file);
  if (!points.ok()) return texts;  // which the plan explains
  for (const ResumePoint& point : *points) texts.push_back(point.rest.path);
  return texts;
}

}  // namespace

absl::Status CheckOutputFiles(const StreamArguments& arguments) {
  const bool records = !arguments.record_file.empty();
  if (!records && arguments.handles_file.empty()) return absl::OkStatus();
  std::vector<std::string> others = Texts(arguments);
  // --handles may be the file of --resume: it is replaced whole, at the end.
  if (!arguments.handles_file.empty()) {
    RETURN_IF_ERROR(CheckHandlesFile(arguments.handles_file, others));
  }
  others.insert(others.end(), {arguments.resume_file, arguments.handles_file});
  return CheckIsNoneOf("--record", arguments.record_file, others);
}

absl::Status CheckHandlesFile(const std::string& path,
                              const std::vector<std::string>& others) {
  RETURN_IF_ERROR(CheckIsNoneOf("--handles", path, others));
  return CheckHandlesWritable(path);
}

}  // namespace mneme::cli
