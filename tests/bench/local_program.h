// A programme of the definitions that ship, over a folder of its own, in this process: for what is measured without
// gRPC. Errors end the process.
#ifndef PARTNERMETRICS_TESTS_BENCH_LOCAL_PROGRAM_H_
#define PARTNERMETRICS_TESTS_BENCH_LOCAL_PROGRAM_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "partnermetrics/log/v1/log.pb.h"
#include "server/ingest/programs.h"
#include "tests/bench/load.h"
#include "tests/bench/measure.h"

namespace partnermetrics::bench {

// Prints a figure.
void Show(const std::string& name, double value, const std::string& unit);

// Reads the options of a benchmark in this process, of which `options` are the defaults, and runs it with its folder.
// Gives the exit code.
int RunLocal(int argc, char** argv, const std::string& description, LoadOptions options,
             const std::function<void(const std::string& folder, const LoadOptions& options)>& run);

class LocalProgram {
 public:
  // The folder is emptied before.
  LocalProgram(const std::string& folder, Clock clock);

  Programs& programs() { return *programs_; }
  ProgramRuntime& runtime() { return *programs_->all().front(); }
  const log::v1::Definitions& definitions() const { return definitions_; }

  // Writes the load and waits until it is applied. From one thread at a time.
  void Ingest(const Load& load);

 private:
  log::v1::Definitions definitions_;
  std::unique_ptr<Programs> programs_;
  uint64_t sequence_ = 0;
};

}  // namespace partnermetrics::bench

#endif  // PARTNERMETRICS_TESTS_BENCH_LOCAL_PROGRAM_H_
