#include "model/train/train_log.h"

#include <unistd.h>

#include <cstdio>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

namespace mneme {
namespace {

constexpr double kSecondsBetweenLines = 10.0;

std::string Optional(const std::optional<double>& value) {
  return value.has_value() ? absl::StrFormat("%.5f", *value) : std::string();
}

std::string Clock(double seconds) {
  const auto whole = static_cast<int64_t>(seconds);
  return absl::StrFormat("%d:%02d:%02d", whole / 3600, whole / 60 % 60,
                         whole % 60);
}

std::vector<std::string> LinesUpTo(const std::string& path, int64_t update) {
  std::vector<std::string> lines;
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    const std::vector<std::string> fields = absl::StrSplit(line, ',');
    int64_t number = 0;
    if (absl::SimpleAtoi(fields[0], &number) && number <= update) {
      lines.push_back(line);
    }
  }
  return lines;
}

}  // namespace

TrainLog::TrainLog(const std::string& path)
    : path_(path), terminal_(isatty(STDERR_FILENO) == 1) {}

absl::StatusOr<std::unique_ptr<TrainLog>> TrainLog::Create(
    const std::string& path, int64_t last_update) {
  std::unique_ptr<TrainLog> log(new TrainLog(path));
  std::vector<std::string> kept;
  if (last_update > 0) kept = LinesUpTo(path, last_update);
  log->file_.open(path, std::ios::trunc);
  log->file_ << CsvHeader() << '\n';
  for (const std::string& line : kept) log->file_ << line << '\n';
  log->file_.flush();
  if (!log->file_) {
    return absl::UnavailableError(absl::StrCat("cannot write ", path));
  }
  return log;
}

std::string TrainLog::CsvHeader() {
  return "update,tokens,seconds,bptt,learning_rate,train_bits_per_byte,"
         "gradient_norm,skipped,valid_carry,valid_reset";
}

std::string TrainLog::CsvLine(const TrainLogEntry& e) {
  return absl::StrFormat("%d,%d,%.2f,%d,%.4g,%.5f,%.4g,%d,%s,%s", e.update,
                         e.tokens, e.seconds, e.bptt, e.rate, e.bits_per_byte,
                         e.gradient_norm, e.skipped, Optional(e.valid_carry),
                         Optional(e.valid_reset));
}

std::string TrainLog::ProgressLine(const TrainLogEntry& e,
                                   double recent_speed) {
  const double to_go =
      e.progress > 0 ? e.seconds * (1.0 - e.progress) / e.progress : 0;
  std::string line = absl::StrFormat(
      "%5.1f %% | %.1f M tokens | %.0f tokens/s | %.4f bits/byte | ETA %s",
      100.0 * e.progress, static_cast<double>(e.tokens) / 1e6, recent_speed,
      e.bits_per_byte, Clock(to_go));
  if (e.valid_carry.has_value()) {
    absl::StrAppendFormat(&line, " | valid %.4f", *e.valid_carry);
  }
  if (e.valid_reset.has_value()) {
    absl::StrAppendFormat(&line, " (reset %.4f)", *e.valid_reset);
  }
  return line;
}

absl::Status TrainLog::Add(const TrainLogEntry& entry, double recent_speed) {
  file_ << CsvLine(entry) << '\n';
  file_.flush();
  if (!file_) {
    return absl::UnavailableError(absl::StrCat("cannot write ", path_));
  }
  const std::string line = ProgressLine(entry, recent_speed);
  if (entry.valid_carry.has_value()) {
    Say(line);
  } else if (terminal_) {
    std::fprintf(stderr, "\r\033[K%s", line.c_str());
  } else if (entry.seconds - last_told_ >= kSecondsBetweenLines) {
    last_told_ = entry.seconds;
    Say(line);
  }
  return absl::OkStatus();
}

void TrainLog::Say(const std::string& message) {
  std::fprintf(stderr, "%s%s\n", terminal_ ? "\r\033[K" : "", message.c_str());
}

}  // namespace mneme
