#ifndef MNEME_CLIENT_CLI_ARGUMENTS_H_
#define MNEME_CLIENT_CLI_ARGUMENTS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "client/cli/bench/segment_mix.h"
#include "client/handle.h"
#include "client/session_info.h"
#include "client/session_stream.h"

namespace mneme::cli {

// What every command knows.
struct CommonArguments {
  std::string server = "127.0.0.1:7450";
  std::string tenant;
  bool json = false;
};

// When sessions end by themselves; zero: not said.
struct TtlArguments {
  absl::Duration idle_ttl;
  absl::Duration max_age;
};

struct StreamArguments {
  CommonArguments common;
  std::vector<std::string> files;
  uint64_t sessions = 0;  // 0: one for each file
  std::string model;
  std::string session_prefix;  // empty: random ids
  client::MemoryPolicy memory_policy = client::MemoryPolicy::kCarry;
  client::Durability durability = client::Durability::kServerDefault;
  TtlArguments ttls;
  size_t chunk_bytes = 0;    // 0: a segment
  size_t window = 2;         // messages
  uint64_t limit_bytes = 0;  // of each file; 0: all
  std::vector<std::string> outputs;
  uint32_t top_k = 0;
  client::Priority priority = client::Priority::kNormal;
  std::string record_file;
  std::string handles_file;
  std::string resume_file;
  absl::Duration retry_for = absl::Seconds(30);
  bool keep = false;
};

// When the segments of an open loop are due.
enum class ArrivalProcess { kPoisson, kConstant };

struct BenchArguments {
  CommonArguments common;
  std::string model;
  // One measured line each: of sessions in a closed loop, or of segments a
  // second in an open one, which then has one number of sessions.
  std::vector<uint64_t> sessions = {1};
  std::vector<double> rates;
  ArrivalProcess arrivals = ArrivalProcess::kPoisson;
  size_t in_flight = 1;              // segments of a session
  std::optional<SegmentMix> mix;     // none: full segments
  bool unary = false;                // Process, not Stream
  uint64_t session_segments = 0;     // then another session; 0: never
  std::string tokens = "random";     // or a file
  std::vector<std::string> outputs;  // none: argmax, if the model has it
  uint32_t top_k = 0;
  bool all_positions = false;  // not only each segment's last
  client::Durability durability = client::Durability::kServerDefault;
  absl::Duration warmup = absl::Seconds(1);
  absl::Duration duration = absl::Seconds(10);
  uint64_t segments = 0;         // ends a line; 0: its duration does
  std::optional<uint64_t> seed;  // none: drawn
  absl::Duration retry_for = absl::Seconds(30);
};

struct SessionsArguments {
  CommonArguments common;
  std::string model;
  std::string prefix;
};

struct CloseArguments {
  CommonArguments common;
  std::vector<std::string> sessions;
  bool erase = false;
};

struct WatchArguments {
  CommonArguments common;
  std::vector<std::string> sessions;  // none: all
};

struct RollbackArguments {
  CommonArguments common;
  client::MemoryHandle to;
  std::optional<client::MemoryHandle> expected_head;
};

// A memory value that a session retains; without a handle, its head.
struct SessionValue {
  std::string session_id;
  std::optional<client::MemoryHandle> handle;
};

struct ForkArguments {
  CommonArguments common;
  SessionValue from;
  std::string fork_id;  // empty: random
  // Both or none: a handles file to go on with the text is written.
  std::string text_file;
  std::string handles_file;
};

struct TouchArguments {
  CommonArguments common;
  std::vector<std::string> sessions;
  TtlArguments ttls;
};

struct PinArguments {
  CommonArguments common;
  std::vector<client::MemoryHandle> handles;
  bool pin = true;  // or unpin
};

struct InspectArguments {
  CommonArguments common;
  std::string what;  // a session's id or a file
};

struct ExportArguments {
  CommonArguments common;
  SessionValue from;
  std::string file;  // "-": the standard output
};

struct ImportArguments {
  CommonArguments common;
  std::string file;
  std::string session_id;  // empty: random
  std::string model;
  client::Durability durability = client::Durability::kServerDefault;
};

struct ModelsArguments {
  CommonArguments common;
};

// Help or the version was asked for and printed, or the arguments are wrong,
// which was said.
struct NothingToRun {
  int exit_status = 0;
};

using Command = std::variant<StreamArguments, BenchArguments, SessionsArguments,
                             CloseArguments, RollbackArguments, ForkArguments,
                             TouchArguments, PinArguments, InspectArguments,
                             ExportArguments, ImportArguments, ModelsArguments,
                             WatchArguments, NothingToRun>;

// What the command line (without the program's name) asks for. Help goes to
// `out`, what is wrong to `err`, with exit status 2.
Command ParseArguments(const std::vector<std::string>& arguments,
                       std::ostream& out, std::ostream& err);

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_ARGUMENTS_H_
