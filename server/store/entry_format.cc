#include "server/store/entry_format.h"

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/store/checksum.h"
#include "server/store/commit_check.h"

namespace mneme {
namespace {

constexpr char kSessionSpace = kFirstSession.front();
constexpr char kFamilySpace = 'f';
constexpr char kRecordKind = 'r';
constexpr char kTombstoneKind = 't';
constexpr char kReplyKind = 'p';
constexpr size_t kValueNameSize = 16;
constexpr size_t kHeaderSize = 1 + sizeof(uint64_t);

template <typename Number>
void AppendBigEndian(Number number, std::string* out) {
  for (size_t i = sizeof(number); i-- > 0;) {
    out->push_back(static_cast<char>((number >> (8 * i)) & 0xff));
  }
}

template <typename Number>
void AppendLittleEndian(Number number, std::string* out) {
  for (size_t i = 0; i < sizeof(number); ++i) {
    out->push_back(static_cast<char>((number >> (8 * i)) & 0xff));
  }
}

void AppendSized(absl::string_view bytes, std::string* out) {
  AppendBigEndian(static_cast<uint32_t>(bytes.size()), out);
  absl::StrAppend(out, bytes);
}

template <typename Bytes>
bool ConsumeBytes(absl::string_view* in, Bytes* out) {
  if (in->size() < out->size()) return false;
  std::copy_n(in->begin(), out->size(), out->begin());
  in->remove_prefix(out->size());
  return true;
}

template <typename Number>
bool ConsumeLittleEndian(absl::string_view* in, Number* out) {
  if (in->size() < sizeof(Number)) return false;
  *out = 0;
  for (size_t i = 0; i < sizeof(Number); ++i) {
    *out |= static_cast<Number>(static_cast<uint8_t>((*in)[i])) << (8 * i);
  }
  in->remove_prefix(sizeof(Number));
  return true;
}

bool ConsumeSized(absl::string_view* in, std::string* out) {
  std::array<uint8_t, sizeof(uint32_t)> bytes{};
  if (!ConsumeBytes(in, &bytes)) return false;
  size_t size = 0;
  for (const uint8_t byte : bytes) size = size << 8 | byte;
  if (in->size() < size) return false;
  *out = std::string(in->substr(0, size));
  in->remove_prefix(size);
  return true;
}

absl::string_view View(const Root& root) {
  return {reinterpret_cast<const char*>(root.data()), root.size()};
}

absl::Status BadRecord(absl::string_view payload) {
  return absl::DataLossError(absl::StrCat("a record entry of ", payload.size(),
                                          " bytes that ends too early"));
}

}  // namespace

std::string SessionPrefix(const SessionKey& session) {
  std::string prefix(1, kSessionSpace);
  AppendSized(session.tenant, &prefix);
  AppendSized(session.session_id, &prefix);
  return prefix;
}

std::string FamilyPrefix(const std::string& tenant, const Root& root) {
  std::string prefix(1, kFamilySpace);
  AppendSized(tenant, &prefix);
  absl::StrAppend(&prefix, View(root));
  return prefix;
}

std::string RecordEntryKey(const SessionKey& session, const Root& root) {
  std::string key = SessionPrefix(session);
  key.push_back(kRecordKind);
  absl::StrAppend(&key, View(root));
  return key;
}

std::string TombstoneEntryKey(const SessionKey& session) {
  std::string key = SessionPrefix(session);
  key.push_back(kTombstoneKind);
  return key;
}

std::string RepliesPrefix(const SessionKey& session) {
  std::string prefix = SessionPrefix(session);
  prefix.push_back(kReplyKind);
  return prefix;
}

std::string PrefixEnd(absl::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xff') end.pop_back();
  if (!end.empty()) ++end.back();
  return end;
}

std::string EntryKey(const ReplyKey& key) {
  std::string bytes = RepliesPrefix(key.session);
  AppendBigEndian(key.step, &bytes);
  return bytes;
}

std::string EntryKey(const ValueKey& key) {
  // Enough to tell the few values of a family apart.
  return absl::StrCat(FamilyPrefix(key.tenant, key.root),
                      AsBytes(key.digest).substr(0, kValueNameSize));
}

std::optional<SessionEntryRef> ParseSessionEntryKey(absl::string_view key) {
  SessionEntryRef ref;
  if (key.empty() || key.front() != kSessionSpace) return std::nullopt;
  key.remove_prefix(1);
  if (!ConsumeSized(&key, &ref.session.tenant) ||
      !ConsumeSized(&key, &ref.session.session_id) || key.empty()) {
    return std::nullopt;
  }
  const char kind = key.front();
  key.remove_prefix(1);
  if (kind == kRecordKind) {
    if (!ConsumeBytes(&key, &ref.root.emplace())) return std::nullopt;
  } else if (kind != kTombstoneKind) {
    return std::nullopt;
  }
  if (!key.empty()) return std::nullopt;
  return ref;
}

std::string FrameHeader(absl::string_view key, absl::string_view payload) {
  std::string header(1, kEntryFormatVersion);
  AppendLittleEndian(Checksum({key, payload}), &header);
  return header;
}

std::string Frame(absl::string_view key, absl::string_view payload) {
  return absl::StrCat(FrameHeader(key, payload), payload);
}

absl::StatusOr<absl::string_view> Unframe(absl::string_view key,
                                          absl::string_view value) {
  if (value.size() < kHeaderSize) {
    return absl::DataLossError(absl::StrCat("only ", value.size(),
                                            " bytes are left, expected at "
                                            "least ",
                                            kHeaderSize));
  }
  if (value.front() != kEntryFormatVersion) {
    return absl::DataLossError(
        absl::StrCat("its format version is ", static_cast<int>(value.front()),
                     ", expected ", static_cast<int>(kEntryFormatVersion)));
  }
  const absl::string_view payload = value.substr(kHeaderSize);
  if (value.substr(0, kHeaderSize) != FrameHeader(key, payload)) {
    return absl::DataLossError("fails its checksum");
  }
  return payload;
}

std::string EncodeStoredRecord(const StoredRecord& record) {
  std::string payload(1, static_cast<char>(record.durability));
  absl::StrAppend(&payload, AsBytes(record.head));
  AppendLittleEndian(record.replies.first, &payload);
  AppendLittleEndian(record.replies.end, &payload);
  AppendLittleEndian(static_cast<uint32_t>(record.values.size()), &payload);
  for (const Digest& value : record.values) {
    absl::StrAppend(&payload, AsBytes(value));
  }
  absl::StrAppend(&payload, record.bytes);
  return payload;
}

absl::StatusOr<StoredRecord> DecodeStoredRecord(const SessionKey& session,
                                                const Root& root,
                                                absl::string_view payload) {
  StoredRecord record;
  record.session = session;
  record.root = root;
  absl::string_view in = payload;
  std::array<char, 1> durability{};
  uint32_t values = 0;
  if (!ConsumeBytes(&in, &durability) || !ConsumeBytes(&in, &record.head) ||
      !ConsumeLittleEndian(&in, &record.replies.first) ||
      !ConsumeLittleEndian(&in, &record.replies.end) ||
      !ConsumeLittleEndian(&in, &values) ||
      in.size() / std::tuple_size_v<Digest> < values) {
    return BadRecord(payload);
  }
  record.durability = static_cast<Durability>(durability[0]);
  if (record.durability != Durability::kAsync &&
      record.durability != Durability::kSync) {
    return absl::DataLossError(absl::StrCat(
        "a record entry with durability ", static_cast<int>(durability[0]),
        ", expected async (2) or sync (3)"));
  }
  record.values.resize(values);
  for (Digest& value : record.values) ConsumeBytes(&in, &value);
  record.bytes = std::string(in);
  return record;
}

absl::StatusOr<StoredRecord> ReadRecord(const SessionKey& session,
                                        const Root& root,
                                        absl::string_view value) {
  const auto payload = Unframe(RecordEntryKey(session, root), value);
  auto record = payload.ok() ? DecodeStoredRecord(session, root, *payload)
                             : payload.status();
  if (record.ok()) return record;
  return absl::DataLossError(absl::StrCat("the record of ", Describe(session),
                                          ": ", record.status().message()));
}

}  // namespace mneme
