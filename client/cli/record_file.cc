#include "client/cli/record_file.h"

#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace mneme::cli {

std::string RecordLine(size_t part, const client::SegmentResult& segment) {
  nlohmann::ordered_json json;
  json["session"] = segment.handle.session_id;
  json["part"] = part;
  json["step"] = segment.handle.step;
  json["digest"] = absl::BytesToHexString(segment.handle.digest);
  json["tokens"] = segment.num_tokens;
  json["source"] = std::string(ToString(segment.source));
  json["batch_size"] = segment.batch_size;
  json["reply_us"] = absl::ToDoubleMicroseconds(segment.reply_time);
  json["queue_us"] = absl::ToDoubleMicroseconds(segment.queue_time);
  json["device_us"] = absl::ToDoubleMicroseconds(segment.device_time);
  json["commit_us"] = absl::ToDoubleMicroseconds(segment.commit_time);
  for (const client::OutputTensor& output : segment.outputs) {
    if (output.type == client::ElementType::kF32) {
      json[output.name] = output.AsFloats();
    } else if (output.type == client::ElementType::kI32) {
      json[output.name] = output.AsInts();
    }
  }
  return json.dump();
}

absl::Status RecordFile::Open(const std::string& path) {
  MutexLock lock(&mu_);
  if (path.empty()) return absl::OkStatus();
  path_ = path;
  stream_.open(path, std::ios::trunc);
  if (!stream_) {
    return absl::NotFoundError(absl::StrCat(path, ": cannot be written"));
  }
  return absl::OkStatus();
}

void RecordFile::Write(size_t part, const client::SegmentResult& segment) {
  {
    MutexLock lock(&mu_);
    if (!stream_.is_open()) return;
  }
  std::string line = RecordLine(part, segment);
  MutexLock lock(&mu_);
  stream_ << line << '\n';
}

absl::Status RecordFile::Close() {
  MutexLock lock(&mu_);
  if (!stream_.is_open()) return absl::OkStatus();
  stream_.close();
  if (stream_) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(path_, ": not everything could be written"));
}

}  // namespace mneme::cli
