#!/usr/bin/env bash
# Lets every fuzz target of a build search for some seconds; `make fuzz` calls it. What they learn stays in the build's
# fuzz/corpus, what they find in fuzz/findings. Put a finding's file into tests/fuzz/seeds/TARGET with its fix.
#   tests/fuzz/run.sh BUILD_DIR SECONDS [TARGET…]
# FUZZ_SEED=1 makes each search the same one again, as far as the time goes; without it each is another.
set -euo pipefail
seeds=$(cd "$(dirname "$0")/seeds" && pwd)
cd "$1/fuzz"
seconds=$2
shift 2
targets=("$@")
[[ ${#targets[@]} -gt 0 ]] || mapfile -t targets < <(find . -maxdepth 1 -name 'fuzz_*' -type f -printf '%f\n' | sort)

failed=()
for target in "${targets[@]}"; do
  name=${target#fuzz_}
  mkdir -p "corpus/$name" findings
  log=findings/$name.log
  if "./fuzz_$name" -seed="${FUZZ_SEED:-0}" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=20000 -print_final_stats=1 \
    -artifact_prefix="findings/$name-" "corpus/$name" "$seeds/$name" >"$log" 2>&1; then
    printf '%-18s %9s runs, %s features\n' "$name" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
      "$(sed -n 's/.*DONE.*ft: \([0-9]*\).*/\1/p' "$log")"
  else
    printf '%-18s found something; see %s\n' "$name" "$PWD/$log"
    grep -av 'invalid UTF-8' "$log" | tail -n 40 # of protobuf, a line for each input
    failed+=("$name")
  fi
done
[[ ${#failed[@]} -eq 0 ]]
