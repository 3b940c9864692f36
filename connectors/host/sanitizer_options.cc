// Only in sanitizer builds: a plugin that crashes must end its process by the signal, as it does in other builds, since
// that is what the tests look at; and what it leaks then is not the host's.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() {
  return "handle_segv=0:handle_abort=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:detect_leaks=0";
}
