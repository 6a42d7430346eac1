#ifndef MNEME_TESTS_TESTING_FREE_PORT_H_
#define MNEME_TESTS_TESTING_FREE_PORT_H_

namespace mneme {

// A port of the loopback address that is free now, for a server that is to come
// back on it. Not one that the system gives to clients (as port 0 would be):
// while the server is away, a client that tries to reach it could be given the
// very port as its own, and would hold it. Thread-safe.
int FreePort();

}  // namespace mneme

#endif  // MNEME_TESTS_TESTING_FREE_PORT_H_
