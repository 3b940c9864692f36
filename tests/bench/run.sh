#!/usr/bin/env bash
# Runs the benchmarks of a build; `make bench` calls it. Further arguments go to bench_ingest: --deals 100000.
#   tests/bench/run.sh BUILD_DIR [OPTIONS…]
set -euo pipefail
build=$(cd "$1" && pwd)
shift
# In the build folder and not in /tmp, which may be in memory: the disk's fsync belongs to the figures.
"$build/bench/bench_ingest" --folder "$build/bench/data" --json "$build/bench/results.json" "$@"
echo "as JSON: $build/bench/results.json"
"$build/bench/bench_standings" --folder "$build/bench/standings"
"$build/bench/bench_jobs" --folder "$build/bench/jobs"
"$build/bench/bench_connectors" --folder "$build/bench/data"
"$build/bench/bench_stripe" "$build/lib/partnermetrics/connectors/stripe_billing.so" "$build/bench/data"
