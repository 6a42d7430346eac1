#include "client/cli/handles_file.h"

#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "client/cli/replaced_file.h"
#include "server/base/status_macros.h"

namespace mneme::cli {
namespace {

absl::StatusOr<ResumePoint> ParseLine(const std::string& line) {
  nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object()) {
    return absl::InvalidArgumentError("expected a JSON object");
  }
  for (const char* key : {"handle", "file"}) {
    if (!json.contains(key) || !json[key].is_string()) {
      return absl::InvalidArgumentError(
          absl::StrCat("expected a string '", key, "'"));
    }
  }
  for (const char* key : {"begin", "end"}) {
    if (!json.contains(key) || !json[key].is_number_unsigned()) {
      return absl::InvalidArgumentError(
          absl::StrCat("expected a number '", key, "'"));
    }
  }
  ResumePoint point;
  ASSIGN_OR_RETURN(point.handle, client::ParseMemoryHandle(
                                     json["handle"].get<std::string>()));
  point.rest.path = json["file"].get<std::string>();
  point.rest.begin = json["begin"].get<uint64_t>();
  point.rest.end = json["end"].get<uint64_t>();
  if (point.rest.begin > point.rest.end) {
    return absl::InvalidArgumentError("'begin' is after 'end'");
  }
  return point;
}

}  // namespace

absl::Status CheckHandlesWritable(const std::string& path) {
  return ReplacedFile::Create(path).status();
}

absl::Status WriteHandles(const std::string& path,
                          const std::vector<ResumePoint>& points) {
  std::string whole;
  for (const ResumePoint& point : points) {
    nlohmann::ordered_json json;
    json["handle"] = client::ToString(point.handle);
    json["file"] = point.rest.path;
    json["begin"] = point.rest.begin;
    json["end"] = point.rest.end;
    absl::StrAppend(
        &whole,
        json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
        "\n");
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<ReplacedFile> file,
                   ReplacedFile::Create(path));
  RETURN_IF_ERROR(file->Write(whole));
  return file->Commit();
}

absl::StatusOr<std::vector<ResumePoint>> ReadHandles(const std::string& path) {
  std::ifstream stream(path);
  if (!stream) {
    return absl::NotFoundError(absl::StrCat(path, ": cannot be read"));
  }
  std::vector<ResumePoint> points;
  std::string line;
  for (int number = 1; std::getline(stream, line); ++number) {
    if (line.empty()) continue;
    absl::StatusOr<ResumePoint> point = ParseLine(line);
    if (!point.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ", line ", number, ": ", point.status().message()));
    }
    points.push_back(*std::move(point));
  }
  if (points.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expected a line for each session, found none"));
  }
  return points;
}

}  // namespace mneme::cli
