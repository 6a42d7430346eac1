// Linked into every test that runs under ThreadSanitizer.
//
// Abseil's status library is Debian's, not built for ThreadSanitizer: it counts
// the owners of a status where the sanitizer does not look, so the last owner,
// who frees it there, seems to race with what the others did before. Where its
// last call is the delete, that seems to come from Unref, in Abseil's header.
extern "C" const char* __tsan_default_suppressions();   // NOLINT
extern "C" const char* __tsan_default_suppressions() {  // NOLINT
  return "called_from_lib:libabsl_status.so\n"
         "race:Status::Unref\n";
}
