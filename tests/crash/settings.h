#ifndef MNEME_TESTS_CRASH_SETTINGS_H_
#define MNEME_TESTS_CRASH_SETTINGS_H_

#include <cstdint>
#include <string>

namespace mneme {

// How the crash tests run, from the environment; read on any thread.

// MNEME_CRASH_SEED, else a new one in each process: all that a test draws comes
// from it. Printed by the first call, so that a failed run can be repeated (but
// for what the threads' timing adds).
uint64_t CrashSeed();

// MNEME_CRASH_KILLS (or power losses), else `ordinary`.
int CrashKills(int ordinary);

// MNEME_CRASH_FOLDER: where the store and the expected state stay after the
// run, and are gone on with by the next; "": in a temporary folder.
std::string CrashFolder();

}  // namespace mneme

#endif  // MNEME_TESTS_CRASH_SETTINGS_H_
