#include "model/train/train_checkpoint.h"

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "model/checkpoint/durable_file.h"
#include "model/checkpoint/mapped_file.h"
#include "model/train/checkpoint_pieces.h"
#include "model/train/file_sums.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kFormat = 2;
constexpr char kState[] = "state.json";

// Without a slash at its end: the names beside it are made from it.
std::string Beside(const std::string& folder, const char* suffix) {
  fs::path path = fs::path(folder).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  return path.string() + suffix;
}

absl::Status RenameError(const std::string& path,
                         const std::error_code& error) {
  return absl::UnavailableError(
      absl::StrCat("cannot rename ", path, ": ", error.message()));
}

// Puts `fresh` in the place of `folder`. A `.old` is removed only while there
// is another whole checkpoint beside it.
absl::Status Swap(const std::string& fresh, const std::string& folder,
                  const std::string& old) {
  std::error_code error;
  if (fs::exists(folder, error)) {
    fs::remove_all(old, error);
    fs::rename(folder, old, error);
    if (error) return RenameError(folder, error);
  }
  fs::rename(fresh, folder, error);
  if (error) return RenameError(fresh, error);
  const fs::path parent = fs::path(folder).parent_path();
  RETURN_IF_ERROR(SyncFolder(parent.empty() ? "." : parent.string()));
  fs::remove_all(old, error);
  return absl::OkStatus();
}

absl::StatusOr<json> ReadState(const std::string& path) {
  ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  const absl::string_view text = file->bytes();
  json state = json::parse(text.begin(), text.end(), nullptr,
                           /*allow_exceptions=*/false);
  if (!state.is_object() || !state.contains("format") ||
      state["format"] != kFormat || !state.contains("state") ||
      !state["state"].is_object()) {
    return absl::DataLossError(
        absl::StrCat(path, ": not a state of format ", kFormat));
  }
  return state["state"];
}

absl::StatusOr<TrainCheckpoint> ReadFolder(const std::string& folder) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, CheckSums(folder));
  TrainCheckpoint checkpoint;
  checkpoint.file = folder + "/" + kState;
  if (names.empty() || names[0] != kState) {
    return absl::DataLossError(
        absl::StrCat(folder, "/", kSumsFile, ": expected ", kState, " first"));
  }
  ASSIGN_OR_RETURN(checkpoint.state, ReadState(checkpoint.file));
  ASSIGN_OR_RETURN(checkpoint.tensors,
                   ReadPieces(folder, {names.begin() + 1, names.end()}));
  return checkpoint;
}

bool IsCheckpoint(const std::string& folder) {
  std::error_code error;
  return fs::exists(folder + "/" + kSumsFile, error);
}

}  // namespace

absl::StatusOr<int64_t> TrainCheckpoint::Counter(const std::string& key) const {
  const auto found = state.find(key);
  if (found != state.end() && found->is_number_integer()) {
    const auto value = found->get<int64_t>();
    if (value >= 0) return value;
  }
  return absl::DataLossError(
      absl::StrCat(file, ": \"", key, "\" is no whole number of 0 or more"));
}

absl::StatusOr<double> TrainCheckpoint::Seconds() const {
  const auto found = state.find("seconds");
  if (found != state.end() && found->is_number()) {
    const auto value = found->get<double>();
    if (value >= 0) return value;
  }
  return absl::DataLossError(
      absl::StrCat(file, ": \"seconds\" is no number of 0 or more"));
}

json TrainCheckpoint::Identity() const {
  const auto found = state.find("identity");
  return found == state.end() ? json() : *found;
}

absl::Status SaveCheckpoint(const std::string& folder,
                            const TrainCheckpoint& checkpoint,
                            int64_t piece_bytes) {
  const std::string fresh = Beside(folder, ".new");
  std::error_code error;
  fs::remove_all(fresh, error);
  fs::create_directories(fresh, error);
  const json state = {{"format", kFormat}, {"state", checkpoint.state}};
  RETURN_IF_ERROR(WriteDurably(fresh + "/" + kState, state.dump(1) + "\n"));
  std::vector<std::string> names = {kState};
  ASSIGN_OR_RETURN(const std::vector<std::string> pieces,
                   WritePieces(fresh, checkpoint.tensors, piece_bytes));
  names.insert(names.end(), pieces.begin(), pieces.end());
  RETURN_IF_ERROR(WriteSums(fresh, names));
  RETURN_IF_ERROR(SyncFolder(fresh));
  return Swap(fresh, Beside(folder, ""), Beside(folder, ".old"));
}

absl::StatusOr<TrainCheckpoint> LoadCheckpoint(const std::string& path) {
  const std::string folder = Beside(path, ""), old = Beside(path, ".old");
  std::error_code error;
  if (IsCheckpoint(folder)) return ReadFolder(folder);
  if (IsCheckpoint(old)) return ReadFolder(old);
  if (fs::exists(folder, error) && !fs::is_empty(folder, error)) {
    return absl::DataLossError(
        absl::StrCat(folder, "/", kSumsFile, ": no such file"));
  }
  return absl::NotFoundError(absl::StrCat("no checkpoint in ", path));
}

}  // namespace mneme
