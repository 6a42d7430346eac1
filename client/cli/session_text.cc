#include "client/cli/session_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "client/cli/text_table.h"

namespace mneme::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string Line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json ToJson(const std::vector<client::MemoryHandle>& handles) {
  Json json = Json::array();
  for (const client::MemoryHandle& handle : handles) {
    json.push_back(client::ToString(handle));
  }
  return json;
}

// What is special about a value: "pinned, head".
std::string Notes(const client::SessionInfo& session,
                  const client::MemoryHandle& handle) {
  const auto& pinned = session.pinned;
  std::string notes;
  const auto note = [&notes](bool holds, const char* text) {
    if (holds) absl::StrAppend(&notes, notes.empty() ? "" : ", ", text);
  };
  note(std::find(pinned.begin(), pinned.end(), handle) != pinned.end(),
       "pinned");
  note(handle == session.durable, "durable");
  note(handle == session.head.handle, "head");
  return notes;
}

std::string TtlText(absl::Duration ttl) {
  return ttl == absl::InfiniteDuration() ? "none" : absl::FormatDuration(ttl);
}

std::string Facts(const client::SessionInfo& session) {
  TextTable facts({}, /*right_aligned=*/false);
  facts.AddRow({"session", session.session_id});
  facts.AddRow({"model", session.model});
  facts.AddRow({"fingerprint", absl::BytesToHexString(session.fingerprint)});
  facts.AddRow({"memory policy", std::string(ToString(session.memory_policy))});
  facts.AddRow({"durability", std::string(ToString(session.durability))});
  facts.AddRow({"head", client::ToString(session.head.handle)});
  facts.AddRow({"tail", Counted(session.head.tail, "token")});
  facts.AddRow({"durable", client::ToString(session.durable)});
  facts.AddRow({"memory", HumanBytes(session.memory_bytes)});
  facts.AddRow({"created", HumanTime(session.created)});
  facts.AddRow({"last used", HumanTime(session.last_used)});
  facts.AddRow({"idle TTL", TtlText(session.idle_ttl)});
  facts.AddRow({"largest age", TtlText(session.max_age)});
  facts.AddRow({"expires", session.expires == absl::InfiniteFuture()
                               ? "never"
                               : HumanTime(session.expires)});
  facts.AddRow(
      {"retained", absl::StrCat(Counted(session.retained.size(), "value"), ", ",
                                session.pinned.size(), " pinned")});
  return facts.Format();
}

}  // namespace

std::string SessionJson(const client::SessionInfo& session) {
  Json json;
  json["session"] = session.session_id;
  json["model"] = session.model;
  json["fingerprint"] = absl::BytesToHexString(session.fingerprint);
  json["memory_policy"] = std::string(ToString(session.memory_policy));
  json["durability"] = std::string(ToString(session.durability));
  json["head"] = client::ToString(session.head.handle);
  json["tail"] = session.head.tail;
  json["durable"] = client::ToString(session.durable);
  json["retained"] = ToJson(session.retained);
  json["pinned"] = ToJson(session.pinned);
  json["memory_bytes"] = session.memory_bytes;
  json["created"] = absl::FormatTime(session.created, absl::UTCTimeZone());
  json["last_used"] = absl::FormatTime(session.last_used, absl::UTCTimeZone());
  // What there is none of is left out.
  if (session.idle_ttl != absl::InfiniteDuration()) {
    json["idle_ttl"] = absl::FormatDuration(session.idle_ttl);
  }
  if (session.max_age != absl::InfiniteDuration()) {
    json["max_age"] = absl::FormatDuration(session.max_age);
  }
  if (session.expires != absl::InfiniteFuture()) {
    json["expires"] = absl::FormatTime(session.expires, absl::UTCTimeZone());
  }
  return Line(json);
}

std::string DescribeSession(const client::SessionInfo& session) {
  TextTable values({"STEP", "RETAINED", ""}, /*right_aligned=*/false);
  for (const client::MemoryHandle& handle : session.retained) {
    values.AddRow({WithCommas(handle.step), client::ToString(handle),
                   Notes(session, handle)});
  }
  return absl::StrCat(Facts(session), "\n", values.Format());
}

void PrintHead(const client::SessionInfo& session, bool json,
               std::ostream& out) {
  const std::string head = client::ToString(session.head.handle);
  if (json) {
    Json object;
    object["session"] = session.session_id;
    object["head"] = head;
    out << Line(object) << std::endl;
  } else {
    out << head << std::endl;
  }
}

}  // namespace mneme::cli
