#if defined(__SANITIZE_THREAD__)
// Debian's libtbb is not built for the thread sanitizer, which therefore does not see how its tasks wait for each other: what runs
// below it is left out, everything else is watched.
extern "C" const char* __tsan_default_suppressions() { return "called_from_lib:libtbb.so\n"; }
#endif
