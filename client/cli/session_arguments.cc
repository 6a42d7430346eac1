#include "client/cli/session_arguments.h"

#include <memory>
#include <string>
#include <vector>

#include "client/cli/common_options.h"
#include "client/handle.h"

namespace mneme::cli {
namespace {

constexpr char kInspectHelp[] =
    "A session: all that the server says of it. What ends with .safetensors "
    "or\n"
    "has a / in it is a file that `mneme export` wrote: the value that it\n"
    "holds, its tensors, and whether it is unchanged since; no server is\n"
    "asked. For example:\n"
    "  mneme inspect chat-7\n"
    "  mneme inspect chat-7.safetensors\n"
    "  mneme inspect ./chat-7 --json";

constexpr char kTouchHelp[] =
    "Their idle TTL begins anew, as when they are used. Prints their heads.\n"
    "For example:\n"
    "  mneme touch chat-7\n"
    "  mneme touch chat-7 --idle-ttl 72h";

constexpr char kForkHelp[] =
    "The new session begins with that value, which costs no copy; from then "
    "on\n"
    "the two have nothing in common. Prints its head. For example:\n"
    "  mneme fork chat-7                    from its head\n"
    "  mneme fork HANDLE --as chat-8        from a value that it retains\n"
    "  mneme fork chat-7 --text FILE --handles H && mneme stream --resume H\n"
    "                                       and goes on with another text";

constexpr char kPinHelp[] =
    "Pinned values stay, however far the session goes on, until they are\n"
    "unpinned, the session is rolled back behind them, or closed: so they can\n"
    "be forked, exported and rolled back to. Prints what is pinned then. For\n"
    "example:\n"
    "  mneme pin $(mneme sessions --json | jq -r .head)";

constexpr char kExportHelp[] =
    "A standard safetensors file: the memory's tensors, and in its metadata\n"
    "what they are. FILE appears when it is whole and its checksum holds.\n"
    "For example:\n"
    "  mneme export chat-7 chat-7.safetensors\n"
    "  mneme export HANDLE - | ssh HOST mneme import /dev/stdin --as chat-7";

constexpr char kImportHelp[] =
    "The session is at the step that was exported, on a server that holds the\n"
    "same weights at the same precision. Prints its head. For example:\n"
    "  mneme import chat-7.safetensors --as chat-8";

constexpr char kHandles[] =
    "Handles, session/step/digest; `mneme inspect SESSION` lists those that "
    "are retained";
constexpr char kSessionOrHandle[] =
    "A session, whose head is meant, or a handle that it retains";

void AddSessions(CLI::App& program, Command& command) {
  CLI::App* app = program.add_subcommand("sessions", "Lists the sessions");
  const auto sessions = std::make_shared<SessionsArguments>();
  app->add_option("--model", sessions->model, "Only of this model");
  app->add_option("--prefix", sessions->prefix,
                  "Only those whose ids begin so");
  AddCommon(app, sessions->common);
  app->callback([sessions, &command] { command = *sessions; });
}

void AddInspect(CLI::App& program, Command& command) {
  CLI::App* app = program.add_subcommand(
      "inspect", "Shows a session, or a file that one was exported to");
  const auto inspect = std::make_shared<InspectArguments>();
  app->add_option("SESSION|FILE", inspect->what, "A session's id, or a file")
      ->type_name("")
      ->required();
  app->footer(kInspectHelp);
  AddCommon(app, inspect->common);
  app->callback([inspect, &command] { command = *inspect; });
}

void AddClose(CLI::App& program, Command& command) {
  CLI::App* app = program.add_subcommand(
      "close", "Closes sessions, whose memory is gone then");
  const auto close = std::make_shared<CloseArguments>();
  app->add_option("SESSION", close->sessions, "The sessions' ids")
      ->type_name("")
      ->required();
  app->add_flag("--erase", close->erase,
                "Leave nothing of them in the server's files; also of one that "
                "has expired. This rewrites the store, and takes its time");
  AddCommon(app, close->common);
  app->callback([close, &command] { command = *close; });
}

void AddWatch(CLI::App& program, Command& command) {
  CLI::App* app = program.add_subcommand(
      "watch", "Tells when sessions end, until it is interrupted");
  const auto watch = std::make_shared<WatchArguments>();
  app->add_option("SESSION", watch->sessions, "The sessions' ids; none: all")
      ->type_name("");
  AddCommon(app, watch->common);
  app->callback([watch, &command] { command = *watch; });
}

void AddTouch(CLI::App& program, Command& command) {
  CLI::App* app = program.add_subcommand(
      "touch", "Keeps sessions alive, or changes how long they live");
  app->footer(kTouchHelp);
  const auto touch = std::make_shared<TouchArguments>();
  app->add_option("SESSION", touch->sessions, "The sessions' ids")
      ->type_name("")
      ->required();
  AddTtls(app, touch->ttls);
  AddCommon(app, touch->common);
  app->callback([touch, &command] { command = *touch; });
}

void AddFork(CLI::App& program, Command& command) {
  CLI::App* app = program.add_subcommand(
      "fork", "Makes a session that begins with a value of another");
  const auto fork = std::make_shared<ForkArguments>();
  const auto from = std::make_shared<std::string>();
  app->add_option("SESSION|HANDLE", *from, kSessionOrHandle)
      ->type_name("")
      ->required()
      ->check(CheckSessionOrHandle);
  app->add_option("--as", fork->fork_id, "The new session's id; default random")
      ->type_name("ID");
  CLI::Option* text =
      app->add_option("--text", fork->text_file,
                      "The text that the new session is to go on with")
          ->type_name("FILE");
  CLI::Option* handles =
      app->add_option(
             "--handles", fork->handles_file,
             "Writes what `mneme stream --resume` reads, to go on with "
             "that text")
          ->type_name("FILE");
  text->needs(handles);
  handles->needs(text);
  app->footer(kForkHelp);
  AddCommon(app, fork->common);
  app->callback([fork, from, &command] {
    fork->from = ParseSessionOrHandle(*from);
    command = *fork;
  });
}

void AddRollback(CLI::App& program, Command& command) {
  CLI::App* app = program.add_subcommand(
      "rollback", "Takes a session back to a memory value that it retains");
  const auto rollback = std::make_shared<RollbackArguments>();
  const auto to = std::make_shared<std::string>();
  app->add_option("HANDLE", *to,
                  "Where to: a handle, session/step/digest; `mneme inspect "
                  "SESSION` lists those that are retained")
      ->type_name("")
      ->required()
      ->check(CheckHandle);
  const auto expect = std::make_shared<std::string>();
  app->add_option("--expect", *expect,
                  "Only if this handle is the session's head still, so that "
                  "nobody's segments are lost unseen")
      ->check(CheckHandle);
  AddCommon(app, rollback->common);
  app->callback([rollback, to, expect, &command] {
    rollback->to = *client::ParseMemoryHandle(*to);
    if (!expect->empty()) {
      rollback->expected_head = *client::ParseMemoryHandle(*expect);
    }
    command = *rollback;
  });
}

// `pin` or `unpin`.
void AddPin(CLI::App& program, Command& command, const char* name, bool pin,
            const char* description) {
  CLI::App* app = program.add_subcommand(name, description);
  const auto arguments = std::make_shared<PinArguments>();
  const auto handles = std::make_shared<std::vector<std::string>>();
  app->add_option("HANDLE", *handles, kHandles)
      ->type_name("")
      ->required()
      ->check(CheckHandle);
  if (pin) app->footer(kPinHelp);
  AddCommon(app, arguments->common);
  app->callback([arguments, handles, pin, &command] {
    arguments->pin = pin;
    for (const std::string& handle : *handles) {
      arguments->handles.push_back(*client::ParseMemoryHandle(handle));
    }
    command = *arguments;
  });
}

void AddExport(CLI::App& program, Command& command) {
  CLI::App* app = program.add_subcommand(
      "export", "Writes a memory value of a session to a file");
  const auto arguments = std::make_shared<ExportArguments>();
  const auto from = std::make_shared<std::string>();
  app->add_option("SESSION|HANDLE", *from, kSessionOrHandle)
      ->type_name("")
      ->required()
      ->check(CheckSessionOrHandle);
  app->add_option("FILE", arguments->file, "Where to; - is the standard output")
      ->type_name("")
      ->required();
  app->footer(kExportHelp);
  AddCommon(app, arguments->common);
  app->callback([arguments, from, &command] {
    if (arguments->file == "-" && arguments->common.json) {
      throw CLI::ValidationError("--json", "expected a FILE other than -");
    }
    arguments->from = ParseSessionOrHandle(*from);
    command = *arguments;
  });
}

void AddImport(CLI::App& program, Command& command) {
  CLI::App* app = program.add_subcommand(
      "import", "Makes a session of a file that one was exported to");
  const auto arguments = std::make_shared<ImportArguments>();
  const auto durability = std::make_shared<std::string>();
  app->add_option("FILE", arguments->file, "The file")
      ->type_name("")
      ->required();
  app->add_option("--as", arguments->session_id,
                  "The new session's id; default random")
      ->type_name("ID");
  AddModelAndDurability(app, arguments->model, *durability);
  app->footer(kImportHelp);
  AddCommon(app, arguments->common);
  app->callback([arguments, durability, &command] {
    arguments->durability = ParseDurability(*durability);
    command = *arguments;
  });
}

}  // namespace

void AddSessionCommands(CLI::App& program, Command& command) {
  AddSessions(program, command);
  AddInspect(program, command);
  AddTouch(program, command);
  AddClose(program, command);
  AddWatch(program, command);
}

void AddValueCommands(CLI::App& program, Command& command) {
  AddFork(program, command);
  AddRollback(program, command);
  AddPin(program, command, "pin", true, "Keeps memory values of sessions");
  AddPin(program, command, "unpin", false, "Lets pinned values go");
}

void AddFileCommands(CLI::App& program, Command& command) {
  AddExport(program, command);
  AddImport(program, command);
}

}  // namespace mneme::cli
