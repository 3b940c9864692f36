// Settings of a test run from the environment.
#ifndef PARTNERMETRICS_TESTS_SUPPORT_ENVIRONMENT_H_
#define PARTNERMETRICS_TESTS_SUPPORT_ENVIRONMENT_H_

#include <cstdint>
#include <cstdlib>

namespace partnermetrics {

inline uint64_t NumberFromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_TESTS_SUPPORT_ENVIRONMENT_H_
