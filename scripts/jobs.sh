#!/usr/bin/env bash
# Prints how many compilers may run at once: one for each core, and at most one for each 2 GB of memory.
set -euo pipefail

cores=$(nproc)
memory_kb=$(sed -n 's/^MemTotal: *\([0-9]*\) kB$/\1/p' /proc/meminfo)
jobs=$((memory_kb / 2000000))
if ((jobs > cores)); then jobs=$cores; fi
if ((jobs < 1)); then jobs=1; fi
echo "$jobs"
