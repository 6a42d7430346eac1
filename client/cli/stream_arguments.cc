#include "client/cli/stream_arguments.h"

#include <map>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "client/cli/common_options.h"

namespace mneme::cli {
namespace {

// A server with its defaults can answer so many messages again if their
// replies are lost (--retain-messages).
constexpr int kLargestWindow = 8;

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
  StreamArguments arguments;
  std::string durability;
  std::string retry_for = "30s";
};

void AddPriority(CLI::App* app, client::Priority& priority) {
  const std::map<std::string, client::Priority> names = {
      {"high", client::Priority::kHigh},
      {"normal", client::Priority::kNormal},
      {"low", client::Priority::kLow}};
  app->add_option_function<std::string>(
         "--priority",
         [&priority, names](const std::string& name) {
           priority = names.at(name);
         },
         "high, normal or low: whose segments the server runs first")
      ->check(CLI::IsMember({"high", "normal", "low"}))
      ->type_name("PRIORITY")
      ->default_str("normal");
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
  AddPriority(app, stream.priority);
}

void AddSession(CLI::App* app, StreamArguments& stream, StreamTexts& text) {
  AddModelAndDurability(app, stream.model, text.durability);
  app->add_option("--session", stream.session_prefix,
                  "Names the sessions PREFIX-0, PREFIX-1, ...; default random")
      ->type_name("PREFIX");
  app->add_flag_callback(
      "--reset-memory",
      [&stream] { stream.memory_policy = client::MemoryPolicy::kReset; },
      "Each segment starts from the initial memory: what memory is worth");
  AddTtls(app, stream.ttls);
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
  for (const char* option :
       {"FILE", "--sessions", "--limit", "--model", "--session",
        "--reset-memory", "--durability", "--idle-ttl", "--max-age"}) {
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

}  // namespace

void AddStream(CLI::App& program, Command& command) {
  CLI::App* app = program.add_subcommand(
      "stream", "Streams text files through a model, a session each");
  app->footer(kStreamHelp);
  const auto texts = std::make_shared<StreamTexts>();
  StreamArguments& stream = texts->arguments;
  AddInput(app, stream);
  AddSession(app, stream, *texts);
  AddResume(app, stream);
  AddOutput(app, stream, *texts);
  AddCommon(app, stream.common);
  app->callback([texts, &command] {
    StreamArguments& arguments = texts->arguments;
    if (arguments.files.empty() && arguments.resume_file.empty()) {
      throw CLI::RequiredError("FILE (or --resume)");
    }
    absl::ParseDuration(texts->retry_for, &arguments.retry_for);
    arguments.durability = ParseDurability(texts->durability);
    command = arguments;
  });
}

}  // namespace mneme::cli
