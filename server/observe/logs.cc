#include "server/observe/logs.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace mneme {

std::vector<std::string> LogLevels() {
  return {"debug", "info", "warning", "error", "off"};
}

absl::Status SetUpLogs(absl::string_view level) {
  const std::vector<std::string> levels = LogLevels();
  if (std::find(levels.begin(), levels.end(), level) == levels.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("log level '", level, "': expected one of ",
                     absl::StrJoin(levels, ", ")));
  }
  auto logger = std::make_shared<spdlog::logger>(
      "mnemed", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %v",
                      spdlog::pattern_time_type::utc);
  logger->set_level(spdlog::level::from_str(std::string(level)));
  logger->flush_on(spdlog::level::debug);
  spdlog::set_default_logger(std::move(logger));
  return absl::OkStatus();
}

}  // namespace mneme
