#include "server/guard/tenant.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace mneme {
namespace {

constexpr size_t kMaxLength = 64;

bool IsNameCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' ||
         c == '_' || c == '-';
}

}  // namespace

absl::StatusOr<std::string> TenantOf(const TenantPolicy& policy,
                                     absl::optional<absl::string_view> header) {
  if (!policy.trust_header || !header.has_value()) {
    return std::string(kDefaultTenant);
  }
  if (header->empty() || header->size() > kMaxLength ||
      !std::all_of(header->begin(), header->end(), IsNameCharacter)) {
    return absl::InvalidArgumentError(
        absl::StrCat("metadata mneme-tenant: expected 1 to ", kMaxLength,
                     " characters of [A-Za-z0-9._-], got '",
                     absl::CHexEscape(header->substr(0, kMaxLength)), "'"));
  }
  return std::string(*header);
}

}  // namespace mneme
