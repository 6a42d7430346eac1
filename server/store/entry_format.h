#ifndef MNEME_SERVER_STORE_ENTRY_FORMAT_H_
#define MNEME_SERVER_STORE_ENTRY_FORMAT_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/store/commit_check.h"
#include "server/store/memory_store.h"

namespace mneme {

// How records and objects lie in a key-value store. Format version 1:
//
//   key     's' u32 length, tenant, u32 length, session id, kind, name
//           (lengths big-endian): no two sessions share a prefix, whatever
//           their ids, so the keys of a session are contiguous
//   value   u8 format version, u64 Checksum({key, payload}) little-endian,
//           payload
//
// The payload by kind: kHead: u8 durability, 32 bytes head digest. kRecord: 32
// bytes head digest, record. kName: empty; one for each object, so that the
// names can be listed without reading the objects. kObject: its bytes.
//
// All functions are pure, hence thread-safe.
constexpr char kEntryFormatVersion = 1;

enum class EntryKind : char {
  kHead = 'h',
  kName = 'n',
  kObject = 'o',
  kRecord = 'r',
};

// No key of a session is before this, and no other key of ours after it.
constexpr absl::string_view kFirstSession = "s";
std::string SessionPrefix(const SessionKey& session);
std::string EntryKey(absl::string_view session_prefix, EntryKind kind,
                     absl::string_view name = "");
std::string ObjectEntryKey(const ObjectKey& key);

struct EntryRef {
  SessionKey session;
  EntryKind kind = EntryKind::kHead;
  std::string name;
};
// nullopt: not a key of this format.
std::optional<EntryRef> ParseEntryKey(absl::string_view key);

// What goes in front of the payload in the value of `key`.
std::string FrameHeader(absl::string_view key, absl::string_view payload);
std::string Frame(absl::string_view key, absl::string_view payload);
// The payload inside `value`; DATA_LOSS when the checksum does not hold, or
// the value was written by a newer version.
absl::StatusOr<absl::string_view> Unframe(absl::string_view key,
                                          absl::string_view value);

std::string EncodeHead(const StoredHead& head);
absl::StatusOr<StoredHead> DecodeHead(absl::string_view payload);

struct DecodedRecord {
  Digest head{};
  absl::string_view record;
};
std::string EncodeRecordEntry(const Digest& head, absl::string_view record);
// The result points into `payload`.
absl::StatusOr<DecodedRecord> DecodeRecordEntry(absl::string_view payload);

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_ENTRY_FORMAT_H_
