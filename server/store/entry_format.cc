#include "server/store/entry_format.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/store/checksum.h"

namespace mneme {
namespace {

constexpr char kSessionSpace = kFirstSession.front();
constexpr size_t kHeaderSize = 1 + sizeof(uint64_t);
constexpr size_t kLengthSize = sizeof(uint32_t);
constexpr size_t kDigestSize = std::tuple_size_v<Digest>;

void AppendSized(absl::string_view bytes, std::string* out) {
  const auto size = static_cast<uint32_t>(bytes.size());
  for (int shift = 24; shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>((size >> shift) & 0xff));
  }
  absl::StrAppend(out, bytes);
}

bool ConsumeSized(absl::string_view* in, std::string* out) {
  if (in->size() < kLengthSize) return false;
  uint32_t size = 0;
  for (size_t i = 0; i < kLengthSize; ++i) {
    size = size << 8 | static_cast<uint8_t>((*in)[i]);
  }
  in->remove_prefix(kLengthSize);
  if (in->size() < size) return false;
  *out = std::string(in->substr(0, size));
  in->remove_prefix(size);
  return true;
}

bool IsKind(char byte) {
  return byte == 'h' || byte == 'n' || byte == 'o' || byte == 'r';
}

}  // namespace

std::string SessionPrefix(const SessionKey& session) {
  std::string prefix;
  prefix.reserve(1 + 2 * kLengthSize + session.tenant.size() +
                 session.session_id.size());
  prefix.push_back(kSessionSpace);
  AppendSized(session.tenant, &prefix);
  AppendSized(session.session_id, &prefix);
  return prefix;
}

std::string EntryKey(absl::string_view session_prefix, EntryKind kind,
                     absl::string_view name) {
  const char byte = static_cast<char>(kind);
  return absl::StrCat(session_prefix, absl::string_view(&byte, 1), name);
}

std::string ObjectEntryKey(const ObjectKey& key) {
  return EntryKey(SessionPrefix(key.session), EntryKind::kObject, key.name);
}

std::optional<EntryRef> ParseEntryKey(absl::string_view key) {
  EntryRef ref;
  if (key.empty() || key.front() != kSessionSpace) return std::nullopt;
  key.remove_prefix(1);
  if (!ConsumeSized(&key, &ref.session.tenant) ||
      !ConsumeSized(&key, &ref.session.session_id) || key.empty() ||
      !IsKind(key.front())) {
    return std::nullopt;
  }
  ref.kind = static_cast<EntryKind>(key.front());
  ref.name = std::string(key.substr(1));
  return ref;
}

std::string FrameHeader(absl::string_view key, absl::string_view payload) {
  uint64_t checksum = Checksum({key, payload});
  std::string header(1, kEntryFormatVersion);
  for (size_t i = 0; i < sizeof(checksum); ++i, checksum >>= 8) {
    header.push_back(static_cast<char>(checksum & 0xff));
  }
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

std::string EncodeHead(const StoredHead& head) {
  const char durability = static_cast<char>(head.durability);
  return absl::StrCat(absl::string_view(&durability, 1), AsBytes(head.head));
}

absl::StatusOr<StoredHead> DecodeHead(absl::string_view payload) {
  if (payload.size() != 1 + kDigestSize) {
    return absl::DataLossError(absl::StrCat("a head entry of ", payload.size(),
                                            " bytes, expected ",
                                            1 + kDigestSize));
  }
  StoredHead head;
  head.durability = static_cast<Durability>(payload.front());
  if (head.durability != Durability::kAsync &&
      head.durability != Durability::kSync) {
    return absl::DataLossError(absl::StrCat(
        "a head entry with durability ", static_cast<int>(payload.front()),
        ", expected async (2) or sync (3)"));
  }
  std::copy(payload.begin() + 1, payload.end(), head.head.begin());
  return head;
}

std::string EncodeRecordEntry(const Digest& head, absl::string_view record) {
  return absl::StrCat(AsBytes(head), record);
}

absl::StatusOr<DecodedRecord> DecodeRecordEntry(absl::string_view payload) {
  if (payload.size() < kDigestSize) {
    return absl::DataLossError(
        absl::StrCat("a record entry of ", payload.size(),
                     " bytes, expected at least ", kDigestSize));
  }
  DecodedRecord decoded;
  std::copy_n(payload.begin(), kDigestSize, decoded.head.begin());
  decoded.record = payload.substr(kDigestSize);
  return decoded;
}

}  // namespace mneme
