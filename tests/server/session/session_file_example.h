#ifndef MNEME_TESTS_SERVER_SESSION_SESSION_FILE_EXAMPLE_H_
#define MNEME_TESTS_SERVER_SESSION_SESSION_FILE_EXAMPLE_H_

#include <cstdint>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/session/session_manifest.h"

namespace mneme {

// Manifests and a value for tests of exported files.

// Nothing in it needs quoting in JSON; its memory is empty.
inline SessionManifest PlainManifest() {
  SessionManifest manifest;
  manifest.handle = {"s-1", 42, {}};
  manifest.handle.digest.fill(0x99);
  manifest.model = "wiki";
  manifest.fingerprint.fill(7);
  manifest.numeric_mode = "float32";
  manifest.policy = MemoryPolicy::kReset;
  manifest.exported = absl::FromUnixMicros(1'700'000'000'000'001);
  return manifest;
}

// Every dtype, with shapes of 0 to 3 dimensions, not sorted by name and not
// aligned.
inline SessionManifest ExampleManifest() {
  SessionManifest manifest = PlainManifest();
  manifest.model = "wiki \"ü\"";
  manifest.memory = {{"u8", DType::kUint8, {3}},
                     {"memory", DType::kFloat32, {1, 2, 2}},
                     {"empty", DType::kFloat32, {0, 4}},
                     {"bf16", DType::kBFloat16, {2}},
                     {"f16", DType::kFloat16, {1, 2}},
                     {"seen", DType::kInt64, {}},
                     {"i32", DType::kInt32, {1}}};
  return manifest;
}

// A value of ExampleManifest: the bytes 0, 1, 2, ... of 3 + 16 + 0 + 4 + 4 + 8
// + 4.
inline std::string ExampleValue() {
  std::string value(39, '\0');
  for (size_t i = 0; i < value.size(); ++i) value[i] = static_cast<char>(i);
  return value;
}

// A file with this header's text, whatever it says.
inline std::string RawFile(const std::string& header, const std::string& data) {
  std::string length(8, '\0');
  const uint64_t size = header.size();
  std::memcpy(length.data(), &size, length.size());
  return absl::StrCat(length, header, data);
}

}  // namespace mneme

#endif  // MNEME_TESTS_SERVER_SESSION_SESSION_FILE_EXAMPLE_H_
