#include "server/rpc/read_request.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/base/status_macros.h"
#include "server/rpc/field_error.h"
#include "server/rpc/wire_time.h"

namespace mneme {
namespace {

constexpr uint32_t kDefaultPage = 100;
constexpr uint32_t kMaxPage = 1000;
constexpr absl::string_view kPageTokenPrefix = "after:";
// Of a segment's part of a reply, besides its outputs' data: its handle, its
// timings, names and shapes.
constexpr int64_t kSegmentBytes = 256;

absl::StatusOr<Position> ReadAt(const v1::Position& at,
                                const std::string& session_id) {
  if (!at.has_handle()) {
    return FieldError("at.handle", "missing, expected a memory handle");
  }
  Position position;
  ASSIGN_OR_RETURN(position.handle,
                   ReadHandle(at.handle(), session_id, "at.handle"));
  position.tail = at.tail();
  return position;
}

absl::StatusOr<std::vector<int32_t>> ReadText(const std::string& text,
                                              const ModelSpec& model) {
  if (text.empty()) return std::vector<int32_t>();
  if (model.tokenizer != "bytes") {
    return FieldError("text", absl::StrCat("model '", model.name,
                                           "' has no tokenizer; send tokens"));
  }
  std::vector<int32_t> tokens(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    tokens[i] = static_cast<uint8_t>(text[i]);
    if (tokens[i] < model.vocab_size) continue;
    return FieldError(
        "text",
        absl::StrCat("byte ", i, " is ", tokens[i], ", not a token of model '",
                     model.name, "', expected 0 to ", model.vocab_size - 1));
  }
  return tokens;
}

absl::StatusOr<std::vector<int32_t>> ReadInput(
    const v1::SegmentRequest& message, const ModelSpec& model) {
  if (message.has_text()) return ReadText(message.text(), model);
  const auto& ids = message.tokens().ids();
  return std::vector<int32_t>(ids.begin(), ids.end());
}

}  // namespace

absl::StatusOr<MemoryHandle> ReadHandle(const v1::MemoryHandle& message,
                                        const std::string& session_id,
                                        absl::string_view field) {
  if (!message.session_id().empty() && message.session_id() != session_id) {
    return FieldError(
        absl::StrCat(field, ".session_id"),
        absl::StrCat("is ", Quoted(message.session_id()),
                     ", expected the request's session ", Quoted(session_id)));
  }
  MemoryHandle handle;
  if (message.digest().size() != handle.digest.size()) {
    return FieldError(absl::StrCat(field, ".digest"),
                      absl::StrCat("expected ", handle.digest.size(),
                                   " bytes, got ", message.digest().size()));
  }
  handle.session_id = session_id;
  handle.step = message.step();
  std::copy_n(reinterpret_cast<const uint8_t*>(message.digest().data()),
              handle.digest.size(), handle.digest.begin());
  return handle;
}

absl::StatusOr<SegmentRequest> ReadSegmentRequest(
    const v1::SegmentRequest& message, const std::string& session_id,
    const ModelSpec& model) {
  SegmentRequest request;
  if (message.has_at()) {
    ASSIGN_OR_RETURN(request.at, ReadAt(message.at(), session_id));
  }
  ASSIGN_OR_RETURN(request.tokens, ReadInput(message, model));
  request.from_text = message.has_text();
  ASSIGN_OR_RETURN(request.priority, ReadPriority(message.priority()));
  if (message.has_flush()) request.flush_tail = message.flush().tail();
  request.outputs = ReadOutputs(message.outputs());
  for (const v1::NamedTokens& input : message.extra_inputs()) {
    request.extra_inputs.push_back(
        {input.name(), {input.ids().begin(), input.ids().end()}});
  }
  return request;
}

absl::StatusOr<absl::Duration> ReadTimeout(const v1::SegmentRequest& message) {
  if (!message.has_timeout()) return absl::InfiniteDuration();
  const absl::StatusOr<absl::Duration> timeout = FromWire(message.timeout());
  if (!timeout.ok()) return FieldError("timeout", timeout.status().message());
  if (*timeout <= absl::ZeroDuration()) {
    return FieldError("timeout", absl::StrCat("expected more than 0, got ",
                                              absl::FormatDuration(*timeout)));
  }
  return *timeout;
}

absl::StatusOr<Priority> ReadPriority(v1::Priority priority) {
  switch (priority) {
    case v1::HIGH:
      return Priority::kHigh;
    case v1::PRIORITY_UNSPECIFIED:
    case v1::NORMAL:
      return Priority::kNormal;
    case v1::LOW:
      return Priority::kLow;
    default:
      return FieldError("priority",
                        absl::StrCat("no priority has the number ",
                                     static_cast<int>(priority),
                                     ", expected HIGH, NORMAL or LOW"));
  }
}

OutputRequest ReadOutputs(const v1::OutputRequest& message) {
  OutputRequest outputs;
  outputs.names.assign(message.names().begin(), message.names().end());
  outputs.top_k = message.top_k();
  outputs.last_position_only = message.last_position_only();
  return outputs;
}

int64_t MostReplyBytes(const SegmentRequest& request, const ModelSpec& model) {
  // Up to size - 1 tokens may wait from before; a flush says how many are left
  // over, without one only whole segments come back.
  const int64_t size = std::max<int64_t>(model.segment_size, 1);
  const auto sent = static_cast<int64_t>(request.tokens.size());
  int64_t tokens = (sent + size - 1) / size * size;
  if (request.flush_tail.has_value()) {
    const auto left =
        static_cast<int64_t>(*request.flush_tail % static_cast<uint64_t>(size));
    tokens = sent + (left + size - sent % size) % size;
  }
  const int64_t segments = (tokens + size - 1) / size;
  return segments * kSegmentBytes + OutputBytes(model, request.outputs,
                                                request.extra_inputs, tokens,
                                                segments);
}

absl::Status CheckReplySize(const SegmentRequest& request,
                            const ModelSpec& model, int64_t limit) {
  if (MostReplyBytes(request, model) <= limit) return absl::OkStatus();
  return FieldError("outputs",
                    absl::StrCat("a reply to ", request.tokens.size(),
                                 " tokens could have more than ", limit,
                                 " bytes; send fewer tokens in a message"));
}

absl::StatusOr<MemoryPolicy> ReadPolicy(v1::MemoryPolicy policy) {
  switch (policy) {
    case v1::MEMORY_POLICY_UNSPECIFIED:
    case v1::CARRY:
      return MemoryPolicy::kCarry;
    case v1::RESET:
      return MemoryPolicy::kReset;
    default:
      return FieldError(
          "memory_policy",
          absl::StrCat("no policy has the number ", static_cast<int>(policy),
                       ", expected CARRY or RESET"));
  }
}

absl::StatusOr<Durability> ReadDurability(v1::Durability durability,
                                          Durability unspecified) {
  switch (durability) {
    case v1::DURABILITY_UNSPECIFIED:
      return unspecified;
    case v1::MEMORY:
      return Durability::kMemory;
    case v1::ASYNC:
      return Durability::kAsync;
    case v1::SYNC:
      return Durability::kSync;
    default:
      return FieldError("durability",
                        absl::StrCat("no durability has the number ",
                                     static_cast<int>(durability),
                                     ", expected MEMORY, ASYNC or SYNC"));
  }
}

absl::StatusOr<size_t> ReadPageSize(uint32_t page_size) {
  if (page_size > kMaxPage) {
    return FieldError("page_size", absl::StrCat("expected at most ", kMaxPage,
                                                ", got ", page_size));
  }
  return page_size == 0 ? kDefaultPage : page_size;
}

absl::StatusOr<std::string> ReadPageToken(const std::string& token) {
  if (token.empty()) return std::string();
  std::string decoded;
  absl::string_view after;
  if (absl::WebSafeBase64Unescape(token, &decoded)) after = decoded;
  if (!absl::ConsumePrefix(&after, kPageTokenPrefix)) {
    return FieldError("page_token",
                      absl::StrCat(Quoted(token), " is no next_page_token"));
  }
  return std::string(after);
}

std::string MakePageToken(const std::string& last_session_id) {
  return absl::WebSafeBase64Escape(
      absl::StrCat(kPageTokenPrefix, last_session_id));
}

}  // namespace mneme
