#include "client/cli/list_commands.h"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "client/cli/session_text.h"
#include "client/cli/text_table.h"
#include "server/base/status_macros.h"

namespace mneme::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kShortHex = 12;

std::string ShortHex(const std::string& bytes) {
  return absl::BytesToHexString(bytes).substr(0, kShortHex);
}

void PrintLine(const Json& json, std::ostream& out) {
  out << json.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
}

void PrintJson(const client::ModelInfo& model, std::ostream& out) {
  Json json;
  json["model"] = model.name;
  json["version"] = model.version;
  json["architecture"] = model.architecture;
  json["fingerprint"] = absl::BytesToHexString(model.fingerprint);
  json["numeric_mode"] = model.numeric_mode;
  json["segment_size"] = model.segment_size;
  json["vocab_size"] = model.vocab_size;
  json["tokenizer"] = model.tokenizer;
  json["outputs"] = model.outputs;
  json["memory_bytes"] = model.memory_bytes;
  json["device"] = model.device;
  PrintLine(json, out);
}

std::vector<std::string> Row(const client::SessionInfo& session) {
  return {session.session_id,
          session.model,
          std::string(ToString(session.memory_policy)),
          std::string(ToString(session.durability)),
          WithCommas(session.head.handle.step),
          absl::StrCat(session.head.tail),
          absl::StrCat(ShortHex(session.head.handle.digest), "…"),
          HumanBytes(session.memory_bytes),
          absl::StrCat(session.pinned.size()),
          HumanTime(session.last_used)};
}

}  // namespace

absl::Status RunSessions(client::Client& client,
                         const SessionsArguments& arguments,
                         const Environment& environment) {
  TextTable table({"SESSION", "MODEL", "POLICY", "DURABILITY", "STEP", "TAIL",
                   "DIGEST", "MEMORY", "PINNED", "LAST USED"},
                  /*right_aligned=*/false);
  uint64_t count = 0;
  std::string token;
  do {
    ASSIGN_OR_RETURN(
        client::Client::SessionPage page,
        client.ListSessions({arguments.model, arguments.prefix}, token));
    for (const client::SessionInfo& session : page.sessions) {
      ++count;
      if (arguments.common.json) {
        environment.out << SessionJson(session) << '\n';
      } else {
        table.AddRow(Row(session));
      }
    }
    token = page.next_page_token;
  } while (!token.empty());
  if (!arguments.common.json && count > 0) environment.out << table.Format();
  environment.err << Counted(count, "session") << "\n";
  return absl::OkStatus();
}

absl::Status RunModels(client::Client& client, const ModelsArguments& arguments,
                       const Environment& environment) {
  ASSIGN_OR_RETURN(std::vector<client::ModelInfo> models, client.ListModels());
  TextTable table({"MODEL", "VERSION", "ARCHITECTURE", "SEGMENT", "VOCABULARY",
                   "TOKENIZER", "MEMORY", "DEVICE", "NUMERICS", "FINGERPRINT"},
                  /*right_aligned=*/false);
  for (const client::ModelInfo& model : models) {
    if (arguments.common.json) {
      PrintJson(model, environment.out);
      continue;
    }
    table.AddRow({model.name, absl::StrCat(model.version), model.architecture,
                  WithCommas(model.segment_size), WithCommas(model.vocab_size),
                  model.tokenizer.empty() ? "-" : model.tokenizer,
                  HumanBytes(model.memory_bytes), model.device,
                  model.numeric_mode,
                  absl::StrCat(ShortHex(model.fingerprint), "…")});
  }
  if (!arguments.common.json) environment.out << table.Format();
  return absl::OkStatus();
}

}  // namespace mneme::cli
