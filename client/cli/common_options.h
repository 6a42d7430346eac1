#ifndef MNEME_CLIENT_CLI_COMMON_OPTIONS_H_
#define MNEME_CLIENT_CLI_COMMON_OPTIONS_H_

#include <CLI/CLI.hpp>
#include <string>

#include "client/cli/arguments.h"
#include "client/session_info.h"

// What the commands' options share; internal to the parsing of the command
// line. Called by its thread.
namespace mneme::cli {

// --server, --tenant and --json.
void AddCommon(CLI::App* app, CommonArguments& common);

// --model and --durability, of a session that is made.
void AddModelAndDurability(CLI::App* app, std::string& model,
                           std::string& durability);

// --idle-ttl and --max-age.
void AddTtls(CLI::App* app, TtlArguments& ttls);

// "memory" or "sync"; kServerDefault for all else, also nothing.
client::Durability ParseDurability(const std::string& text);

// For CLI::Option::check: what is wrong, empty if nothing is.
std::string CheckDurability(const std::string& text);
std::string CheckHandle(const std::string& text);
std::string CheckDuration(const std::string& text);
// A handle, or what has no '/' in it, as every session's id.
std::string CheckSessionOrHandle(const std::string& text);

// Of a text that was checked.
SessionValue ParseSessionOrHandle(const std::string& text);

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_COMMON_OPTIONS_H_
