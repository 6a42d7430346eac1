#include "server/rpc/message_bytes.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/unknown_field_set.h>

#include <string>
#include <vector>

#include "server/rpc/field_error.h"

namespace mneme {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

std::string MistypedField(const Message& message);

std::string MistypedIn(const Message& message, const FieldDescriptor& field) {
  const Reflection& reflection = *message.GetReflection();
  if (!field.is_repeated()) {
    const std::string inner =
        MistypedField(reflection.GetMessage(message, &field));
    return inner.empty() ? "" : absl::StrCat(field.name(), ".", inner);
  }
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    const std::string inner =
        MistypedField(reflection.GetRepeatedMessage(message, &field, i));
    if (!inner.empty()) return absl::StrCat(field.name(), "[", i, "].", inner);
  }
  return "";
}

// Its path; "": none.
std::string MistypedField(const Message& message) {
  const Reflection& reflection = *message.GetReflection();
  const auto& unknown = reflection.GetUnknownFields(message);
  for (int i = 0; i < unknown.field_count(); ++i) {
    const FieldDescriptor* field =
        message.GetDescriptor()->FindFieldByNumber(unknown.field(i).number());
    if (field != nullptr) return field->name();
  }
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    std::string path = MistypedIn(message, *field);
    if (!path.empty()) return path;
  }
  return "";
}

}  // namespace

absl::Status CheckWireTypes(const Message& message) {
  const std::string path = MistypedField(message);
  if (path.empty()) return absl::OkStatus();
  return FieldError(path,
                    absl::StrCat("sent with another wire type than it has in ",
                                 message.GetTypeName()));
}

}  // namespace mneme
