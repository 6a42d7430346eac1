#include "server/store/redis_keys.h"

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace mneme {
namespace {

std::string Sized(absl::string_view bytes) {
  return absl::StrCat(bytes.size(), ":", bytes);
}

std::string Hex(const Root& root) {
  return absl::BytesToHexString(
      {reinterpret_cast<const char*>(root.data()), root.size()});
}

}  // namespace

std::string RedisKeys::Index(const SessionKey& session) const {
  return absl::StrCat(prefix_, "i:", Sized(session.tenant), ":",
                      session.session_id);
}

std::optional<SessionKey> RedisKeys::ParseIndex(absl::string_view key) const {
  if (!absl::ConsumePrefix(&key, prefix_) || !absl::ConsumePrefix(&key, "i:")) {
    return std::nullopt;
  }
  const size_t colon = key.find(':');
  size_t size = 0;
  if (colon == absl::string_view::npos ||
      !absl::SimpleAtoi(key.substr(0, colon), &size)) {
    return std::nullopt;
  }
  key.remove_prefix(colon + 1);
  if (key.size() <= size || key[size] != ':') return std::nullopt;
  return SessionKey{std::string(key.substr(0, size)),
                    std::string(key.substr(size + 1))};
}

std::string RedisKeys::IndexPattern() const {
  std::string pattern;
  for (const char byte : prefix_) {
    if (absl::string_view("*?[]\\^").find(byte) != absl::string_view::npos) {
      pattern.push_back('\\');
    }
    pattern.push_back(byte);
  }
  return absl::StrCat(pattern, "i:*");
}

std::string RedisKeys::Record(const SessionKey& session,
                              const Root& root) const {
  return absl::StrCat(Family(session.tenant, root), "s:", session.session_id);
}

std::string RedisKeys::Replies(const SessionKey& session,
                               const Root& root) const {
  return absl::StrCat(Family(session.tenant, root), "p:", session.session_id);
}

std::string RedisKeys::ClosedClaims(const SessionKey& session,
                                    const Root& root) const {
  // Without the id, which is to be gone once the session is erased.
  return absl::StrCat(Family(session.tenant, root), "x");
}

std::string RedisKeys::Counts(const std::string& tenant,
                              const Root& root) const {
  return absl::StrCat(Family(tenant, root), "c");
}

std::string RedisKeys::Members(const std::string& tenant,
                               const Root& root) const {
  return absl::StrCat(Family(tenant, root), "m");
}

std::string RedisKeys::Sessions(const std::string& tenant) const {
  return absl::StrCat(prefix_, "{all}l:", Sized(tenant));
}

std::string RedisKeys::Values(const std::string& tenant,
                              const Root& root) const {
  return absl::StrCat(Family(tenant, root), "v");
}

std::string RedisKeys::Family(const std::string& tenant,
                              const Root& root) const {
  return absl::StrCat(prefix_, "{", Hex(root), "}", Sized(tenant), ":");
}

}  // namespace mneme
