#include "client/cli/transfer_commands.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "client/cli/exported_file.h"
#include "client/cli/input_file.h"
#include "client/cli/replaced_file.h"
#include "client/cli/session_text.h"
#include "server/base/status_macros.h"

namespace mneme::cli {
namespace {

constexpr size_t kPieceBytes = 256 << 10;

absl::Status CheckGoesOn(const Environment& environment) {
  return environment.is_interrupted() ? absl::CancelledError("interrupted")
                                      : absl::OkStatus();
}

absl::Status Export(client::Client& client, const SessionValue& value,
                    const Environment& environment,
                    absl::FunctionRef<absl::Status(absl::string_view)> write) {
  const auto& from = value.handle;
  return client.ExportSession(value.session_id,
                              from.has_value() ? &*from : nullptr,
                              [&](absl::string_view piece) -> absl::Status {
                                RETURN_IF_ERROR(CheckGoesOn(environment));
                                return write(piece);
                              });
}

absl::Status ExportToOutput(client::Client& client, const SessionValue& value,
                            const Environment& environment) {
  return Export(client, value, environment, [&](absl::string_view piece) {
    environment.out << piece << std::flush;
    return environment.out.good()
               ? absl::OkStatus()
               : absl::DataLossError("the standard output: cannot be written");
  });
}

void PrintExported(const ExportedFile& file, const ExportArguments& arguments,
                   std::ostream& out) {
  const std::string handle = file.manifest.handle.ToString();
  if (!arguments.common.json) {
    out << handle << std::endl;
    return;
  }
  nlohmann::ordered_json object;
  object["handle"] = handle;
  object["file"] = arguments.file;
  object["bytes"] = file.bytes;
  out << object.dump(-1, ' ', false,
                     nlohmann::ordered_json::error_handler_t::replace)
      << std::endl;
}

}  // namespace

absl::Status RunExport(client::Client& client, const ExportArguments& arguments,
                       const Environment& environment) {
  if (arguments.file == "-") {
    return ExportToOutput(client, arguments.from, environment);
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<ReplacedFile> file,
                   ReplacedFile::Create(arguments.file));
  RETURN_IF_ERROR(
      Export(client, arguments.from, environment,
             [&](absl::string_view piece) { return file->Write(piece); }));
  ASSIGN_OR_RETURN(const ExportedFile exported,
                   ReadExportedFile(file->temporary()));
  RETURN_IF_ERROR(exported.holds);
  RETURN_IF_ERROR(file->Commit());
  PrintExported(exported, arguments, environment.out);
  return absl::OkStatus();
}

absl::Status RunImport(client::Client& client, const ImportArguments& arguments,
                       const Environment& environment) {
  ASSIGN_OR_RETURN(InputFile file, InputFile::Open(arguments.file));
  client::SessionSpec spec;
  spec.session_id = arguments.session_id;
  spec.model = arguments.model;
  spec.durability = arguments.durability;
  ASSIGN_OR_RETURN(
      const client::SessionInfo session,
      client.ImportSession(spec, [&]() -> absl::StatusOr<std::string> {
        RETURN_IF_ERROR(CheckGoesOn(environment));
        return file.Read(kPieceBytes);
      }));
  PrintHead(session, arguments.common.json, environment.out);
  return absl::OkStatus();
}

}  // namespace mneme::cli
