#include "tests/client/fake_session.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/client/error_status.h"

namespace mneme::testing {
namespace {

constexpr uint64_t kPrime = 1099511628211u;

template <typename T>
void AddOutput(const std::string& name, v1::DataType type,
               const std::vector<T>& values, v1::SegmentResult& result) {
  v1::Tensor* tensor = result.add_outputs();
  tensor->set_name(name);
  tensor->set_dtype(type);
  tensor->add_shape(static_cast<int64_t>(values.size()));
  tensor->mutable_data()->resize(values.size() * sizeof(T));
  std::memcpy(tensor->mutable_data()->data(), values.data(),
              values.size() * sizeof(T));
}

grpc::Status Invalid(const std::string& message) {
  return {grpc::StatusCode::INVALID_ARGUMENT, message};
}

}  // namespace

std::string FakeDigest(const std::string& before, const std::string& tokens) {
  std::string digest;
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    uint64_t hash = 14695981039346656037u * seed;
    for (char c : absl::StrCat(before, "|", tokens)) {
      hash = (hash ^ static_cast<unsigned char>(c)) * kPrime;
    }
    digest.append(reinterpret_cast<const char*>(&hash), sizeof(hash));
  }
  return digest;
}

FakeSession::FakeSession(v1::OpenSessionRequest spec, uint32_t segment_size,
                         uint64_t retained)
    : spec_(std::move(spec)), segment_size_(segment_size), retained_(retained) {
  steps_.push_back({"", FakeDigest("initial", "")});
}

grpc::Status FakeSession::Find(const v1::Position& at, FakePlace& place) const {
  uint64_t step = at.handle().step();
  if (step > head() || at.handle().digest() != steps_[step].digest) {
    return Conflict("the handle is not of this lineage");
  }
  if (step < oldest()) {
    return ErrorStatus(grpc::StatusCode::FAILED_PRECONDITION,
                       "the handle is older than retention", "NOT_RETAINED");
  }
  bool here = step == head() && at.tail() <= tail_.size();
  if (!here && at.tail() != 0) return Conflict("the session is elsewhere");
  place.known = true;
  place.session_id = spec_.session_id();
  place.step = step;
  place.tail = step == head() ? tail_.substr(0, at.tail()) : "";
  return grpc::Status::OK;
}

grpc::Status FakeSession::Apply(const v1::SegmentRequest& request,
                                FakePlace& place, v1::SegmentReply& reply) {
  if (place.step > head()) return Conflict("the steps before are gone");
  std::string tokens = place.tail + request.text();
  for (int32_t id : request.tokens().ids()) {
    if (id < 0 || id > 255) return Invalid("tokens.ids: not a byte");
    tokens.push_back(static_cast<char>(id));
  }
  NoteMessage(place.step);
  while (tokens.size() >= segment_size_) {
    grpc::Status applied =
        ApplySegment(tokens.substr(0, segment_size_), place, reply);
    if (!applied.ok()) return applied;
    tokens.erase(0, segment_size_);
  }
  if (request.has_flush()) {
    if (request.flush().tail() != tokens.size()) {
      return Conflict("flush.tail is not the tail");
    }
    if (!tokens.empty()) {
      grpc::Status applied = ApplySegment(tokens, place, reply);
      if (!applied.ok()) return applied;
      tokens.clear();
    }
  }
  place.tail = tokens;
  grpc::Status merged = MergeTail(place);
  *reply.mutable_next()->mutable_handle() = HandleAt(place.step);
  reply.mutable_next()->set_tail(static_cast<uint32_t>(place.tail.size()));
  return merged;
}

void FakeSession::NoteMessage(uint64_t start) {
  if (!message_starts_.empty() && start <= message_starts_.back()) return;
  message_starts_.push_back(start);
  if (message_starts_.size() > retained_) message_starts_.pop_front();
}

grpc::Status FakeSession::ApplySegment(const std::string& tokens,
                                       FakePlace& place,
                                       v1::SegmentReply& reply) {
  std::string digest = FakeDigest(steps_[place.step].digest, tokens);
  bool ahead = place.step < head();
  if (ahead && steps_[place.step + 1].tokens != tokens) {
    return Conflict("other tokens were applied");
  }
  if (!ahead) {
    if (tokens.compare(0, tail_.size(), tail_) != 0) {
      return Conflict("other tokens are in the tail");
    }
    tail_.clear();
    steps_.push_back({tokens, digest});
  }
  ++place.step;
  v1::AppliedSegment* segment = reply.add_segments();
  *segment->mutable_result() = ResultOf(place.step, place.outputs);
  segment->set_source(ahead ? v1::AppliedSegment::KEPT
                            : v1::AppliedSegment::COMPUTED);
  segment->set_batch_size(ahead ? 0 : 1);
  segment->mutable_timings()->mutable_device()->set_nanos(1000);
  return grpc::Status::OK;
}

grpc::Status FakeSession::MergeTail(const FakePlace& place) {
  if (place.step < head()) return grpc::Status::OK;
  size_t common = std::min(tail_.size(), place.tail.size());
  if (tail_.compare(0, common, place.tail, 0, common) != 0) {
    return Conflict("other tokens are in the tail");
  }
  if (place.tail.size() > tail_.size()) tail_ = place.tail;
  return grpc::Status::OK;
}

void FakeSession::LoseAfter(uint64_t step) {
  tail_.clear();
  steps_.resize(std::min<size_t>(steps_.size(), step + 1));
  pins_.erase(pins_.upper_bound(step), pins_.end());
}

grpc::Status FakeSession::Pin(const v1::MemoryHandle& handle) {
  grpc::Status retained = CheckRetained(handle);
  if (retained.ok()) pins_.insert(handle.step());
  return retained;
}

void FakeSession::Unpin(const v1::MemoryHandle& handle) {
  pins_.erase(handle.step());
}

void FakeSession::SetTtls(const v1::TouchSessionRequest& request) {
  if (request.has_idle_ttl()) *spec_.mutable_idle_ttl() = request.idle_ttl();
  if (request.has_max_age()) *spec_.mutable_max_age() = request.max_age();
}

grpc::Status FakeSession::CheckRetained(const v1::MemoryHandle& handle) const {
  const uint64_t step = handle.step();
  if (step < oldest() && pins_.count(step) == 0) {
    return ErrorStatus(grpc::StatusCode::FAILED_PRECONDITION,
                       "the handle is older than retention", "NOT_RETAINED");
  }
  if (step > head() || handle.digest() != steps_[step].digest) {
    return Conflict("the handle is not of this lineage");
  }
  return grpc::Status::OK;
}

FakeSession FakeSession::ForkAt(uint64_t step,
                                const std::string& fork_id) const {
  FakeSession fork = *this;
  fork.LoseAfter(step);
  fork.spec_.set_session_id(fork_id);
  fork.first_ = step;
  fork.pins_.clear();
  fork.message_starts_.clear();
  return fork;
}

FakeSession FakeSession::Imported(v1::OpenSessionRequest spec,
                                  uint32_t segment_size, uint64_t retained,
                                  const v1::MemoryHandle& at,
                                  const std::string& text) {
  FakeSession session(std::move(spec), segment_size, retained);
  session.first_ = at.step();
  session.steps_.resize(at.step() + 1);
  session.steps_.back() = {text, at.digest()};
  return session;
}

void FakeSession::Corrupt(uint64_t step) { steps_[step].digest[0] ^= 1; }

v1::MemoryHandle FakeSession::HandleAt(uint64_t step) const {
  v1::MemoryHandle handle;
  handle.set_session_id(spec_.session_id());
  handle.set_step(step);
  handle.set_digest(steps_[step].digest);
  return handle;
}

std::string FakeSession::TextAt(uint64_t step) const {
  std::string text;
  for (uint64_t i = 0; i <= step; ++i) text += steps_[i].tokens;
  return text;
}

grpc::Status FakeSession::Conflict(const std::string& why) const {
  return ErrorStatus(grpc::StatusCode::ABORTED, why, "VERSION_CONFLICT", {},
                     {{"head", std::to_string(head())},
                      {"tail", std::to_string(tail_.size())}});
}

v1::SegmentResult FakeSession::ResultOf(
    uint64_t step, const std::vector<std::string>& outputs) const {
  const std::string& tokens = steps_[step].tokens;
  v1::SegmentResult result;
  *result.mutable_handle() = HandleAt(step);
  result.set_num_tokens(static_cast<uint32_t>(tokens.size()));
  std::vector<float> log_probs;
  std::vector<int32_t> argmax;
  for (char c : tokens) {
    int token = static_cast<unsigned char>(c);
    log_probs.push_back(-static_cast<float>(token % 7) / 10);
    argmax.push_back((token + 1) % 256);
  }
  if (step == 1) log_probs[0] = std::nanf("");
  for (const std::string& name : outputs) {
    if (name == "log_probs") AddOutput(name, v1::F32, log_probs, result);
    if (name == "argmax") AddOutput(name, v1::I32, argmax, result);
  }
  return result;
}

}  // namespace mneme::testing
