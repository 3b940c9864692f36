#!/usr/bin/env bash
# Checks what no compiler or linter sees: properties of the tree itself. Data that tests and the demo read is exempt,
# because broken bytes and odd line ends are there on purpose.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! git rev-parse --is-inside-work-tree >/dev/null; then
  echo "tree: not a git clone, nothing to check" >&2
  exit 1
fi
mapfile -t files < <(git ls-files --cached --others --exclude-standard |
  grep -vE '^(tests/data|tests/fuzz/seeds|demo/exports)/' | while read -r file; do if [[ -f $file ]]; then echo "$file"; fi; done)
mapfile -t sources < <(printf '%s\n' "${files[@]}" | grep -E '\.(h|cc|c|cmake|sh)$|CMakeLists\.txt$')

failures=0
# complain RULE FINDINGS: states a broken rule with where it is broken; nothing when there are no findings.
complain() {
  if [[ -n $2 ]]; then
    echo "tree: $1:" >&2
    sed 's/^/  /' <<<"$2" >&2
    failures=$((failures + 1))
  fi
}
# The brackets keep this script from finding itself.
search() { grep -InE "$1" "${@:2}" || true; }

complain "a path of one machine" "$(search '(^|[^[:alnum:]_.])/([w]ork|[r]oot|[h]ome/[a-z])[/[:alnum:]]' "${files[@]}")"
complain "work left undone" "$(search '\b([T]ODO|[F]IXME|[X]XX|[H]ACK)\b' "${files[@]}")"
complain "carriage return" "$(search $'\r' "${files[@]}")"
complain "blank at the end of a line" "$(search '[ 	]$' "${files[@]}")"
complain "tab" "$(search '	' "${sources[@]}" | grep -v '^scripts/check-tree.sh:' || true)"
complain "using namespace in a header" "$(search '^ *using [n]amespace ' $(printf '%s\n' "${sources[@]}" | grep '\.h$'))"
complain "over 700 lines: give it two purposes' files" "$(
  wc -l "${sources[@]}" | awk '$1 > 700 && $2 != "total" { print $2 ": " $1 " lines" }')"
complain "over 1 MB" "$(find "${files[@]}" -size +1024k)"
complain "no line break at the end" "$(
  for file in "${files[@]}"; do
    if [[ -s $file && -n $(tail -c 1 "$file") ]]; then echo "$file"; fi
  done)"
complain "executable without #!, or #! without being executable" "$(
  for file in "${files[@]}"; do
    if [[ $(head -c 2 "$file" | tr -d '\0') == '#!' ]]; then shebang=1; else shebang=0; fi
    if [[ -x $file ]]; then executable=1; else executable=0; fi
    if ((shebang != executable)); then echo "$file"; fi
  done)"
complain "header guard is not PARTNERMETRICS_PATH_FILE_H_" "$(
  printf '%s\n' "${sources[@]}" | grep '\.h$' | while read -r header; do
    # What a plugin includes is found as partnermetrics/…, wherever it is installed.
    path=${header#connectors/*/include/partnermetrics/}
    guard=PARTNERMETRICS_$(tr 'a-z/.-' 'A-Z___' <<<"$path")_
    if ! grep -q "^#ifndef $guard\$" "$header"; then echo "$header: wants $guard"; fi
  done)"
complain "a link to a file that is not there" "$(
  printf '%s\n' "${files[@]}" | grep '\.md$' | while read -r document; do
    grep -oE '\]\([^)#: ]+[)#]' "$document" | sed 's|^..||; s|.$||' | while read -r target; do
      if [[ ! -e $(dirname "$document")/$target ]]; then echo "$document: $target"; fi
    done || true
  done)"

if ((failures > 0)); then exit 1; fi
echo "tree: ${#files[@]} files, no findings"
