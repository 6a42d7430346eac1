#include "server/session/lineage.h"

#include <bit>
#include <string>

#include "absl/strings/str_cat.h"

namespace mneme {
namespace {

static_assert(std::endian::native == std::endian::little,
              "tokens are hashed as they lie in memory");

template <typename T>
absl::string_view LittleEndian(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

}  // namespace

Digest InitialDigest(absl::string_view tenant_key, const Digest& fingerprint) {
  return HmacSha256(tenant_key,
                    absl::StrCat("mneme-lineage-1", AsBytes(fingerprint)));
}

Digest NextDigest(const Digest& parent, absl::Span<const int32_t> tokens,
                  uint32_t flags) {
  const auto count = static_cast<uint32_t>(tokens.size());
  Sha256 hash;
  hash.Update("mneme-step-1").Update(AsBytes(parent));
  hash.Update(LittleEndian(count));
  hash.Update({reinterpret_cast<const char*>(tokens.data()),
               tokens.size() * sizeof(int32_t)});
  hash.Update(LittleEndian(flags));
  return hash.Finish();
}

}  // namespace mneme
