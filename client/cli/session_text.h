#ifndef MNEME_CLIENT_CLI_SESSION_TEXT_H_
#define MNEME_CLIENT_CLI_SESSION_TEXT_H_

#include <ostream>
#include <string>

#include "client/session_info.h"

namespace mneme::cli {

// A session as the commands show it. Functions of values: thread-safe.

// All of it as a JSON object on a line.
std::string SessionJson(const client::SessionInfo& session);

// All of it for people, in lines.
std::string DescribeSession(const client::SessionInfo& session);

// Its head: the handle, or a JSON object with `session` and `head`, on a line.
void PrintHead(const client::SessionInfo& session, bool json,
               std::ostream& out);

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_SESSION_TEXT_H_
