#include "server/session/kept_reply.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "server/session/read_cbor.h"

namespace mneme {
namespace {

using Json = nlohmann::json;

Json Binary(absl::string_view bytes) {
  return Json::binary({bytes.begin(), bytes.end()});
}

Json ToJson(const HostTensor& tensor) {
  return {{"name", tensor.name},
          {"dtype", std::string(DTypeName(tensor.dtype))},
          {"shape", tensor.shape},
          {"data", Binary(tensor.data)}};
}

bool ReadOutput(const Json& json, HostTensor* tensor) {
  const auto dtype = ParseDType(json.at("dtype").get<std::string>());
  if (!dtype.ok()) return false;
  tensor->name = json.at("name").get<std::string>();
  tensor->dtype = *dtype;
  tensor->shape = json.at("shape").get<std::vector<int64_t>>();
  const auto& data = json.at("data").get_binary();
  tensor->data.assign(data.begin(), data.end());
  return static_cast<int64_t>(tensor->data.size()) ==
         NumElements(tensor->shape) * SizeOf(tensor->dtype);
}

// May throw Json::exception.
bool ReadReply(const Json& json, KeptReply* reply) {
  if (!json.is_object()) return false;
  const auto& digest = json.at("digest").get_binary();
  if (digest.size() != reply->digest.size()) return false;
  std::copy(digest.begin(), digest.end(), reply->digest.begin());
  reply->complete = json.at("complete").get<bool>();
  reply->request.names = json.at("names").get<std::vector<std::string>>();
  reply->request.top_k = json.at("top_k").get<int64_t>();
  reply->request.last_position_only = json.at("last").get<bool>();
  for (const Json& input : json.at("extra")) {
    reply->extra_inputs.push_back(
        {input.at("name").get<std::string>(),
         input.at("tokens").get<std::vector<int32_t>>()});
  }
  for (const Json& output : json.at("outputs")) {
    if (!ReadOutput(output, &reply->outputs.emplace_back())) return false;
  }
  return true;
}

int64_t DataBytes(const KeptReply& reply) {
  size_t size = 0;
  for (const NamedTokens& input : reply.extra_inputs) {
    size += input.tokens.size() * sizeof(int32_t);
  }
  for (const HostTensor& tensor : reply.outputs) size += tensor.data.size();
  return static_cast<int64_t>(size);
}

}  // namespace

std::string EncodeKeptReply(const KeptReply& reply, int64_t limit) {
  const bool complete = DataBytes(reply) <= limit;
  Json json = {{"digest", Binary(AsBytes(reply.digest))},
               {"names", reply.request.names},
               {"top_k", reply.request.top_k},
               {"last", reply.request.last_position_only},
               {"complete", complete},
               {"extra", Json::array()},
               {"outputs", Json::array()}};
  if (complete) {
    for (const NamedTokens& input : reply.extra_inputs) {
      json["extra"].push_back({{"name", input.name}, {"tokens", input.tokens}});
    }
    for (const HostTensor& tensor : reply.outputs) {
      json["outputs"].push_back(ToJson(tensor));
    }
  }
  std::string bytes;
  Json::to_cbor(json, bytes);
  return bytes;
}

absl::StatusOr<KeptReply> DecodeKeptReply(absl::string_view bytes) {
  const Json json = ReadCbor(bytes);
  KeptReply reply;
  try {
    if (ReadReply(json, &reply)) return reply;
  } catch (const Json::exception&) {
    // A field of another type than was written.
  }
  return absl::DataLossError("kept reply: not what was written");
}

bool Answers(const KeptReply& reply, const OutputRequest& request,
             const std::vector<NamedTokens>& extra_inputs) {
  const auto same_input = [](const NamedTokens& a, const NamedTokens& b) {
    return a.name == b.name && a.tokens == b.tokens;
  };
  if (request.names.empty()) return true;
  return reply.complete && reply.request.names == request.names &&
         reply.request.top_k == request.top_k &&
         reply.request.last_position_only == request.last_position_only &&
         std::equal(reply.extra_inputs.begin(), reply.extra_inputs.end(),
                    extra_inputs.begin(), extra_inputs.end(), same_input);
}

}  // namespace mneme
