// Linked into every test that runs under ThreadSanitizer.
//
// Abseil's status library is Debian's, not built for ThreadSanitizer: it counts
// the owners of a status where the sanitizer does not look, so the last owner,
// who frees it there, seems to race with what the others did before. Nothing
// else is left out: our code and Abseil's headers are looked at.
extern "C" const char* __tsan_default_suppressions();  // NOLINT
extern "C" const char* __tsan_default_suppressions() {  // NOLINT
  return "called_from_lib:libabsl_status.so\n";
}
