#!/usr/bin/env bash
# Runs clang-tidy over our sources (not over tests) that changed since their last clean run: all of them at first, some 15
# minutes on two cores. "Changed" is the content of a file, of the project's headers that it includes, and of the rules.
# Findings are errors.
#   scripts/tidy.sh BUILD_DIR     a folder configured with clang: cmake --preset lint
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1
cache=build/lint-cache

# The included headers count by content, one level deep: a change further down shows in the files that include it.
content_hash() {
  {
    cat .clang-tidy "$1"
    sed -n 's/^#include "\([^"]*\)".*/\1/p' "$1" | while read -r header; do
      if [[ -f $header ]]; then cat "$header"; fi
    done
  } | sha256sum | cut -d ' ' -f 1
}

# The child that xargs starts for each file. The log is printed whole, so that the output of two files does not mix.
if [[ ${2:-} == --file ]]; then
  file=$3
  hash=$(content_hash "$file")
  if log=$(clang-tidy-14 -p "$build" --quiet "$file" 2>&1); then
    touch "$cache/$hash"
    if [[ -t 1 ]]; then printf '  no findings: %s\n' "$file"; fi
    exit 0
  fi
  printf '%s: findings\n%s\n' "$file" "$log"
  exit 1
fi

mkdir -p "$cache"

# Headers that protoc makes must be there; nothing else needs to be built.
ninja -C "$build" -t targets all | sed -n 's/^\([^/].*\.pb\.h\): CUSTOM_COMMAND$/\1/p' | xargs ninja -C "$build" --quiet

# What is built there, so that clang-tidy knows how to compile it.
mapfile -t files < <(sed -n "s|^ *\"file\": \"$PWD/\(.*\)\",*\$|\1|p" "$build/compile_commands.json" |
  grep -E '^(storage|server|connectors|clients)/' | sort -u)
changed=()
for file in "${files[@]}"; do
  if [[ ! -e $cache/$(content_hash "$file") ]]; then changed+=("$file"); fi
done
if [[ ${#changed[@]} -eq 0 ]]; then
  echo "clang-tidy: no findings, none of ${#files[@]} files has changed"
  exit 0
fi

echo "clang-tidy: ${#changed[@]} of ${#files[@]} files"
if ! printf '%s\0' "${changed[@]}" | xargs -0 -n 1 -P "$(scripts/jobs.sh)" "$0" "$build" --file; then
  echo "clang-tidy: findings, see above" >&2
  exit 1
fi
echo "clang-tidy: no findings"
