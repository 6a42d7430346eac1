#ifndef MNEME_SERVER_STORE_ENTRY_FORMAT_H_
#define MNEME_SERVER_STORE_ENTRY_FORMAT_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/store/memory_store.h"

namespace mneme {

// How records, values and replies lie in a key-value store. Format version 2:
//
//   record     's' session 'r' root            what EncodeStoredRecord gives
//   tombstone  's' session 't'                 the session layer's bytes
//   reply      's' session 'p' u64 step        the session layer's bytes
//   value      'f' tenant, root, digest[0:16]  its bytes
//
// where session is tenant, session id; each of these is u32 length, bytes. Root
// and digest are raw bytes, numbers in keys are big-endian. So no two sessions
// share a prefix, whatever their ids, the keys of a session are contiguous, and
// so are the values of a family. What stands behind a key is
//
//   u8 format version, u64 Checksum({key, payload}) little-endian, payload
//
// Before them is kScrubDueKey: with nothing in it, it says that bytes of an
// erased session may still be in the files (MemoryStore::MarkErase).
//
// All functions are pure, hence thread-safe.
constexpr absl::string_view kScrubDueKey("\0mneme-scrub", 12);
constexpr char kEntryFormatVersion = 2;

// No key of a record or tombstone is before this, and no other after it.
constexpr absl::string_view kFirstSession = "s";
std::string SessionPrefix(const SessionKey& session);
std::string FamilyPrefix(const std::string& tenant, const Root& root);
// What every key of the session's replies begins with.
std::string RepliesPrefix(const SessionKey& session);
// The first key after all that begin with `prefix`, whose bytes are not all
// 0xff.
std::string PrefixEnd(absl::string_view prefix);

std::string RecordEntryKey(const SessionKey& session, const Root& root);
std::string TombstoneEntryKey(const SessionKey& session);
std::string EntryKey(const ReplyKey& key);
std::string EntryKey(const ValueKey& key);

// The key of a record (with its family) or of a tombstone (without one).
struct SessionEntryRef {
  SessionKey session;
  std::optional<Root> root;
};
// nullopt: not such a key.
std::optional<SessionEntryRef> ParseSessionEntryKey(absl::string_view key);
// What goes in front of the payload in the value of `key`.
std::string FrameHeader(absl::string_view key, absl::string_view payload);
std::string Frame(absl::string_view key, absl::string_view payload);
// The payload inside `value`; DATA_LOSS when the checksum does not hold, or
// the value was written by a newer version.
absl::StatusOr<absl::string_view> Unframe(absl::string_view key,
                                          absl::string_view value);

// All of a record but what its key says: u8 durability, head digest, u64 first
// and u64 end of its replies, u32 count of values, their digests, the session
// layer's bytes; numbers little-endian.
std::string EncodeStoredRecord(const StoredRecord& record);
absl::StatusOr<StoredRecord> DecodeStoredRecord(const SessionKey& session,
                                                const Root& root,
                                                absl::string_view payload);
// The framed record behind the key of this session and family; DATA_LOSS, which
// names the session, when it is damaged.
absl::StatusOr<StoredRecord> ReadRecord(const SessionKey& session,
                                        const Root& root,
                                        absl::string_view value);

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_ENTRY_FORMAT_H_
