// What a fuzz target claims about its subject: REQUIRE(condition) ends the process when it does not hold.
#ifndef PARTNERMETRICS_TESTS_FUZZ_REQUIRE_H_
#define PARTNERMETRICS_TESTS_FUZZ_REQUIRE_H_

#include <cstdio>
#include <cstdlib>

#define REQUIRE(condition)                                                               \
  do {                                                                                   \
    if (!(condition)) {                                                                  \
      std::fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                      \
    }                                                                                    \
  } while (false)

#endif  // PARTNERMETRICS_TESTS_FUZZ_REQUIRE_H_
