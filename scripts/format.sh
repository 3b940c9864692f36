#!/usr/bin/env bash
# Formats all sources and protos with clang-format, or with --check only names what is not formatted.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -d '' files < <(find storage server connectors clients tests proto \
  -path tests/data -prune -o -path proto/google -prune -o \
  -type f \( -name '*.h' -o -name '*.cc' -o -name '*.c' -o -name '*.proto' \) -print0)

if [[ ${1:-} != --check ]]; then
  exec clang-format-14 -i "${files[@]}"
fi
if ! unformatted=$(clang-format-14 --dry-run -Werror -ferror-limit=1 "${files[@]}" 2>&1); then
  echo "Not formatted (make format does it):" >&2
  sed -n 's/^\([^ :]*\):[0-9]*:[0-9]*: error.*/  \1/p' <<<"$unformatted" | sort -u >&2
  exit 1
fi
echo "format: ${#files[@]} files are formatted"
