#include "client/cli/arguments.h"

#include <CLI/CLI.hpp>

#include "client/handle.h"

namespace mneme::cli {
namespace {

constexpr int kUsageError = 2;

// A server with its defaults can answer so many messages again if their
// replies are lost (--retain-messages).
constexpr int kLargestWindow = 8;

constexpr char kFooter[] =
    "\nFor example:\n"
    "  mneme stream FILE                   streams a file through a model\n"
    "  mneme stream FILE --handles H       leaves its session open\n"
    "  mneme stream --resume H             goes on from there\n"
    "  mneme sessions                      shows what is open\n"
    "  mneme rollback HANDLE               takes its session back there\n"
    "  mneme close SESSION...              closes it, its memory is gone\n"
    "  mneme watch                         tells of each session that ends\n"
    "\nEvery command takes --server HOST:PORT (or MNEME_SERVER; default\n"
    "127.0.0.1:7450) and --json. `mneme stream --help` has the rest.\n"
    "\nThe exit status: 0 all was done, 1 something failed, 2 the command "
    "line\n"
    "is wrong, 130 interrupted.";

constexpr char kStreamHelp[] =
    "Streams the text of FILEs through a model, each as one session or, with\n"
    "more --sessions than FILEs, each cut into contiguous parts of equal "
    "size,\n"
    "a session each. Ends with a table: segments, tokens a second, bits per\n"
    "byte, the times of the replies, bytes of memory a session. When the "
    "server\n"
    "goes away the sessions wait for it and go on from their last durable\n"
    "handles, so that every byte is applied once. The sessions are closed at\n"
    "the end, unless --keep, --handles or --resume was given, or the run\n"
    "failed or was interrupted.";

// Options as they are written, checked and not yet understood.
struct StreamTexts {
  std::string durability;
  std::string retry_for = "30s";
};

client::Durability ParseDurability(const std::string& text) {
  for (client::Durability level :
       {client::Durability::kMemory, client::Durability::kSync}) {
    if (text == ToString(level)) return level;
  }
  return client::Durability::kServerDefault;
}

std::string CheckDurability(const std::string& text) {
  if (ParseDurability(text) != client::Durability::kServerDefault) return "";
  return "expected memory or sync, got '" + text + "'";
}

std::string CheckHandle(const std::string& text) {
  return std::string(client::ParseMemoryHandle(text).status().message());
}

void AddCommon(CLI::App* app, CommonArguments& common) {
  app->add_option("--server", common.server, "The server's address")
      ->envname("MNEME_SERVER")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  app->add_option("--tenant", common.tenant,
                  "Sent as mneme-tenant, for a server that trusts it")
      ->envname("MNEME_TENANT");
  app->add_flag("--json", common.json,
                "Print JSON on the standard output, all else on the error "
                "output");
}

std::string CheckDuration(const std::string& text) {
  absl::Duration duration;
  if (absl::ParseDuration(text, &duration) &&
      duration >= absl::ZeroDuration()) {
    return "";
  }
  return "expected a time such as 30s or 500ms, got '" + text + "'";
}

void AddInput(CLI::App* app, StreamArguments& stream) {
  app->add_option("FILE", stream.files, "The text")->type_name("");
  app->add_option("--sessions", stream.sessions,
                  "How many sessions at once; default one for each FILE")
      ->check(CLI::Range(1, 1000000))
      ->type_name("N");
  app->add_option("--limit", stream.limit_bytes,
                  "At most so many bytes of each FILE")
      ->transform(CLI::AsSizeValue(true))
      ->type_name("BYTES");
  app->add_option("--chunk", stream.chunk_bytes,
                  "The bytes of a message; default a segment. More cost less "
                  "time a byte, and wait longer for their replies")
      ->transform(CLI::AsSizeValue(true))
      ->type_name("BYTES");
  app->add_option("--window", stream.window,
                  "Messages that a session sends ahead of their replies; at "
                  "most the server's --retain-messages")
      ->check(CLI::Range(1, kLargestWindow))
      ->type_name("N")
      ->capture_default_str();
}

void AddSession(CLI::App* app, StreamArguments& stream, StreamTexts& text) {
  app->add_option("--model", stream.model,
                  "The model; default the server's only one");
  app->add_option("--session", stream.session_prefix,
                  "Names the sessions PREFIX-0, PREFIX-1, ...; default random")
      ->type_name("PREFIX");
  app->add_flag_callback(
      "--reset-memory",
      [&stream] { stream.memory_policy = client::MemoryPolicy::kReset; },
      "Each segment starts from the initial memory: what memory is worth");
  app->add_option("--durability", text.durability,
                  "memory or sync: what was answered is gone with the server, "
                  "or is on its disk; default the server's")
      ->check(CheckDurability)
      ->type_name("LEVEL");
  app->add_flag("--keep", stream.keep,
                "Leaves the sessions open at the end; "
                "those of --resume always are");
}

// After what describes new sessions, all of which it excludes.
void AddResume(CLI::App* app, StreamArguments& stream) {
  CLI::Option* resume =
      app->add_option("--resume", stream.resume_file,
                      "Goes on with the sessions that --handles wrote, instead "
                      "of new ones; give --handles FILE (it may be the same) "
                      "to be able to go on again")
          ->type_name("FILE")
          ->check(CLI::ExistingFile);
  for (const char* option : {"FILE", "--sessions", "--limit", "--model",
                             "--session", "--reset-memory", "--durability"}) {
    resume->excludes(app->get_option(option));
  }
}

void AddOutput(CLI::App* app, StreamArguments& stream, StreamTexts& text) {
  app->add_option("--outputs", stream.outputs,
                  "What the model returns, separated by commas; default "
                  "log_probs, and argmax with --record; none for nothing")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("NAMES");
  app->add_option("--top-k", stream.top_k, "How many, for the top_k outputs")
      ->check(CLI::Range(1, 1000000))
      ->type_name("K");
  app->add_option("--record", stream.record_file,
                  "Writes a line of JSON for each segment")
      ->type_name("FILE");
  app->add_option("--handles", stream.handles_file,
                  "Writes the last durable handles, for --resume, and leaves "
                  "the sessions open")
      ->type_name("FILE");
  app->add_option("--retry-for", text.retry_for,
                  "How long a session tries again, if the server is away, "
                  "without getting further")
      ->type_name("TIME")
      ->check(CheckDuration)
      ->capture_default_str();
}

CLI::App* AddStream(CLI::App& program, StreamArguments& stream,
                    StreamTexts& text) {
  CLI::App* app = program.add_subcommand(
      "stream", "Streams text files through a model, a session each");
  app->footer(kStreamHelp);
  AddInput(app, stream);
  AddSession(app, stream, text);
  AddResume(app, stream);
  AddOutput(app, stream, text);
  AddCommon(app, stream.common);
  app->callback([&stream] {
    if (stream.files.empty() && stream.resume_file.empty()) {
      throw CLI::RequiredError("FILE (or --resume)");
    }
  });
  return app;
}

CLI::App* AddSessions(CLI::App& program, SessionsArguments& sessions) {
  CLI::App* app = program.add_subcommand("sessions", "Lists the sessions");
  AddCommon(app, sessions.common);
  app->add_option("--model", sessions.model, "Only of this model");
  return app;
}

CLI::App* AddClose(CLI::App& program, CloseArguments& close) {
  CLI::App* app = program.add_subcommand(
      "close", "Closes sessions, whose memory is gone then");
  app->add_option("SESSION", close.sessions, "The sessions' ids")
      ->type_name("")
      ->required();
  app->add_flag("--erase", close.erase,
                "Leave nothing of them in the server's files; also of one that "
                "has expired. This rewrites the store, and takes its time");
  AddCommon(app, close.common);
  return app;
}

CLI::App* AddWatch(CLI::App& program, WatchArguments& watch) {
  CLI::App* app = program.add_subcommand(
      "watch", "Tells when sessions end, until it is interrupted");
  app->add_option("SESSION", watch.sessions, "The sessions' ids; none: all")
      ->type_name("");
  AddCommon(app, watch.common);
  return app;
}

CLI::App* AddRollback(CLI::App& program, RollbackArguments& rollback,
                      std::string& to) {
  CLI::App* app = program.add_subcommand(
      "rollback", "Takes a session back to a memory value that it retains");
  app->add_option("HANDLE", to,
                  "Where to: a handle, session/step/digest; `mneme sessions "
                  "--json` lists those that are retained")
      ->type_name("")
      ->required()
      ->check(CheckHandle);
  AddCommon(app, rollback.common);
  return app;
}

void AddModels(CLI::App& program, ModelsArguments& models) {
  CLI::App* app = program.add_subcommand("models", "Lists the models");
  AddCommon(app, models.common);
}

// Prints the help or the version that was asked for, or what is wrong.
NothingToRun Answer(const CLI::App& app, const CLI::ParseError& error,
                    std::ostream& out, std::ostream& err) {
  if (error.get_exit_code() == 0) return {app.exit(error, out, err)};
  err << "mneme: " << error.what() << "\nRun `mneme";
  for (const CLI::App* command : app.get_subcommands()) {
    err << " " << command->get_name();
  }
  err << " --help` for more.\n";
  return {kUsageError};
}

}  // namespace

Command ParseArguments(const std::vector<std::string>& arguments,
                       std::ostream& out, std::ostream& err) {
  CLI::App app("mneme: sessions that never end, on a Mneme server", "mneme");
  app.require_subcommand(0, 1);
  app.set_version_flag("--version", "mneme " MNEME_VERSION);
  StreamArguments stream;
  SessionsArguments sessions;
  CloseArguments close;
  RollbackArguments rollback;
  std::string rollback_to;
  ModelsArguments models;
  StreamTexts texts;
  const CLI::App* stream_app = AddStream(app, stream, texts);
  const CLI::App* sessions_app = AddSessions(app, sessions);
  const CLI::App* close_app = AddClose(app, close);
  WatchArguments watch;
  const CLI::App* watch_app = AddWatch(app, watch);
  const CLI::App* rollback_app = AddRollback(app, rollback, rollback_to);
  AddModels(app, models);
  app.footer(kFooter);  // last: the commands would inherit it
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& error) {
    return Answer(app, error, out, err);
  }
  if (app.get_subcommands().empty()) {
    err << "mneme: a command is required\n" << app.help();
    return NothingToRun{kUsageError};
  }
  absl::ParseDuration(texts.retry_for, &stream.retry_for);
  stream.durability = ParseDurability(texts.durability);
  if (stream_app->parsed()) return stream;
  if (sessions_app->parsed()) return sessions;
  if (close_app->parsed()) return close;
  if (watch_app->parsed()) return watch;
  if (rollback_app->parsed()) {
    rollback.to = *client::ParseMemoryHandle(rollback_to);
    return rollback;
  }
  return models;
}

}  // namespace mneme::cli
