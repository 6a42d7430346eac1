#include "client/cli/common_options.h"

#include "absl/time/time.h"
#include "client/handle.h"

namespace mneme::cli {
namespace {

std::string CheckTtl(const std::string& text) {
  absl::Duration ttl;
  if (absl::ParseDuration(text, &ttl) && ttl > absl::ZeroDuration()) return "";
  return "expected a time above 0 such as 90m or 24h, got '" + text + "'";
}

bool IsHandle(const std::string& text) {
  return text.find('/') != std::string::npos;
}

}  // namespace

void AddCommon(CLI::App* app, CommonArguments& common) {
  app->add_option("--server", common.server, "The server's address")
      ->envname("MNEME_SERVER")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  app->add_option("--tenant", common.tenant,
                  "Sent as mneme-tenant, for a server that trusts it")
      ->envname("MNEME_TENANT");
  app->add_flag("--json", common.json,
                "Print JSON on the standard output, all else on the error "
                "output");
}

void AddModelAndDurability(CLI::App* app, std::string& model,
                           std::string& durability) {
  app->add_option("--model", model, "The model; default the server's only one");
  app->add_option("--durability", durability,
                  "memory, async or sync: what was answered is gone with the "
                  "server; is on its disk a moment later; is on its disk. "
                  "Default the server's")
      ->check(CheckDurability)
      ->type_name("LEVEL");
}

void AddTtls(CLI::App* app, TtlArguments& ttls) {
  const auto add = [app](const char* name, absl::Duration& ttl,
                         const char* description) {
    app->add_option_function<std::string>(
           name,
           [&ttl](const std::string& text) { absl::ParseDuration(text, &ttl); },
           description)
        ->check(CheckTtl)
        ->type_name("TIME");
  };
  add("--idle-ttl", ttls.idle_ttl,
      "They end when they were not used for so long, as 24h; inf: never");
  add("--max-age", ttls.max_age,
      "They end when they are so old, used or not; inf: never");
}

client::Durability ParseDurability(const std::string& text) {
  for (client::Durability level :
       {client::Durability::kMemory, client::Durability::kAsync,
        client::Durability::kSync}) {
    if (text == ToString(level)) return level;
  }
  return client::Durability::kServerDefault;
}

std::string CheckDurability(const std::string& text) {
  if (ParseDurability(text) != client::Durability::kServerDefault) return "";
  return "expected memory, async or sync, got '" + text + "'";
}

std::string CheckHandle(const std::string& text) {
  return std::string(client::ParseMemoryHandle(text).status().message());
}

std::string CheckDuration(const std::string& text) {
  absl::Duration duration;
  if (absl::ParseDuration(text, &duration) &&
      duration >= absl::ZeroDuration()) {
    return "";
  }
  return "expected a time such as 30s or 500ms, got '" + text + "'";
}

std::string CheckSessionOrHandle(const std::string& text) {
  return IsHandle(text) ? CheckHandle(text) : "";
}

SessionValue ParseSessionOrHandle(const std::string& text) {
  if (!IsHandle(text)) return {text, {}};
  const client::MemoryHandle handle = *client::ParseMemoryHandle(text);
  return {handle.session_id, handle};
}

}  // namespace mneme::cli
