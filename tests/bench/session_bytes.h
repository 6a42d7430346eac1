#ifndef MNEME_TESTS_BENCH_SESSION_BYTES_H_
#define MNEME_TESTS_BENCH_SESSION_BYTES_H_

namespace mneme {

// Measures what a session takes on disk and in the process, and prints it.
void MeasureBytes();

}  // namespace mneme

#endif  // MNEME_TESTS_BENCH_SESSION_BYTES_H_
