#ifndef MNEME_SERVER_SESSION_SESSION_FILE_H_
#define MNEME_SERVER_SESSION_SESSION_FILE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/session/session_manifest.h"

namespace mneme {

// One memory value of a session as a file that leaves the server: a standard
// safetensors file, which any tool for these opens. Its tensors are the model's
// memory tensors in stored order, so that its data are the saved value, byte
// for byte. `__metadata__` has the manifest's fields (session_manifest.h) and
//   sha256  hex of SHA-256("mneme-session-file-1"
//             | uint64 number of fields | name | text, of each field by name
//             | uint64 number of tensors | name | dtype | uint64 dimensions |
//               uint64 each dimension, of each tensor in stored order
//             | the data)
//           over all fields but these two; numbers are little-endian, and a
//           name, dtype or text is its bytes after their uint64 number
//   hmac    hex of HMAC-SHA256(export key, "mneme-export-1" | sha256's 32
//           bytes); left out where the deployment has no export key
// tests/server/session/session_file_test.py does the same with hashlib alone.
//
// The tail of a session is not in it: clients keep the tokens after a handle.
// Pure functions, called on any thread; they hash the whole value.

// What stands before the value's bytes: the file is this, then `value`. The
// same arguments give the same bytes. An empty `export_key`: no hmac.
// INVALID_ARGUMENT for what ParseSessionFile would refuse: a value that is not
// of `manifest.memory`'s size, a tensor's name twice, text that is not UTF-8.
absl::StatusOr<std::string> EncodeSessionFileHeader(
    const SessionManifest& manifest, absl::string_view value,
    absl::string_view export_key);

// The most bytes that stand before the value.
inline constexpr int64_t kMaxSessionFileHeader = (1 << 20) + 8;

struct ParsedSessionFile {
  SessionManifest manifest;
  absl::string_view value;  // lies in the bytes that were parsed
  // The file was exported with this key and holds what it held then. False
  // for a file without an hmac, of another key, and when the key is empty.
  bool authentic = false;
};

// Reads a whole file. It may come from anyone: everything that it claims is
// checked before it is believed. What it says of a model is the caller's to
// compare: fingerprint, numeric mode, memory.
// INVALID_ARGUMENT for what is no such file, is of a newer format, or misspells
// a field (named); DATA_LOSS when lengths, offsets or the checksum do not hold:
// a changed byte is never taken, except in the hmac.
absl::StatusOr<ParsedSessionFile> ParseSessionFile(
    absl::string_view bytes, absl::string_view export_key);

// How long the file is that begins with `prefix`, so that one that is too long
// is refused before it has come; nullopt while too little has come to know, at
// most 1 MiB. ParseSessionFile's errors, for what can be seen so far.
absl::StatusOr<std::optional<uint64_t>> SessionFileBytes(
    absl::string_view prefix);

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_SESSION_FILE_H_
