#include "client/session_info.h"

#include <algorithm>

namespace mneme::client {

absl::string_view ToString(MemoryPolicy policy) {
  return policy == MemoryPolicy::kReset ? "reset" : "carry";
}

absl::string_view ToString(Durability durability) {
  switch (durability) {
    case Durability::kServerDefault:
      return "default";
    case Durability::kMemory:
      return "memory";
    case Durability::kAsync:
      return "async";
    case Durability::kSync:
      return "sync";
  }
  return "unknown";
}

bool ModelInfo::HasOutput(absl::string_view output) const {
  return std::find(outputs.begin(), outputs.end(), output) != outputs.end();
}

}  // namespace mneme::client
