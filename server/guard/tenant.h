#ifndef MNEME_SERVER_GUARD_TENANT_H_
#define MNEME_SERVER_GUARD_TENANT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace mneme {

// Whose call it is (DESIGN 2). Sessions belong to a tenant; a server without
// tenants has one, "default".
struct TenantPolicy {
  // Believe the metadata `mneme-tenant`. Only for servers that nobody but a
  // proxy that sets it can reach: anyone else could claim any name.
  bool trust_header = false;
};

inline constexpr absl::string_view kDefaultTenant = "default";

// The tenant of a call whose metadata `mneme-tenant` is `header` (nullopt:
// not sent). Without trust_header the header is ignored. INVALID_ARGUMENT for
// a name that is not 1 to 64 characters of [A-Za-z0-9._-]. A pure function.
absl::StatusOr<std::string> TenantOf(const TenantPolicy& policy,
                                     absl::optional<absl::string_view> header);

}  // namespace mneme

#endif  // MNEME_SERVER_GUARD_TENANT_H_
