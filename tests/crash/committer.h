#ifndef MNEME_TESTS_CRASH_COMMITTER_H_
#define MNEME_TESTS_CRASH_COMMITTER_H_

#include <string>

namespace mneme {

// The process that kill_test.cc kills: opens the RocksDB store in the folder,
// goes on with its sessions from where they are, a kSync commit in flight for
// each, and writes "ID STEP\n" to stdout for every acknowledged one. Ends only
// by a signal, or with a status (above 0) when the store fails.
int CommitUntilKilled(const std::string& path);

}  // namespace mneme

#endif  // MNEME_TESTS_CRASH_COMMITTER_H_
