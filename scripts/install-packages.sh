#!/usr/bin/env bash
# Installs the Debian packages of a list that are missing; does nothing, at once, when there are none.
#   scripts/install-packages.sh packages.txt [packages-lint.txt …]
set -euo pipefail

if [[ $# -eq 0 ]]; then
  echo "usage: $0 LIST…" >&2
  exit 2
fi
if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "This is not a Debian system: install by hand what $* name, then use cmake --preset release." >&2
  exit 1
fi

wanted=()
while read -r package condition command _; do
  [[ -z $package || $package == \#* ]] && continue
  if [[ $condition == unless ]] && command -v "$command" >/dev/null; then continue; fi
  wanted+=("$package")
done < <(cat "$@")

declare -A installed=()
while read -r package status; do
  if [[ $status == ii ]]; then installed[$package]=1; fi
done < <(dpkg-query --show --showformat='${Package} ${db:Status-Abbrev}\n' "${wanted[@]}" 2>/dev/null || true)

missing=()
for package in "${wanted[@]}"; do
  if [[ -z ${installed[$package]:-} ]]; then missing+=("$package"); fi
done
if [[ ${#missing[@]} -eq 0 ]]; then exit 0; fi

echo "Installing ${#missing[@]} missing packages: ${missing[*]}"
as_root=()
if [[ $EUID -ne 0 ]]; then
  if ! command -v sudo >/dev/null; then
    echo "Installing needs root or sudo. As root, run:" >&2
    echo "  apt-get update && apt-get install --no-remove --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

install() {
  # --no-remove: some -dev packages exclude others (libboost1.81-dev and 1.74); never remove a user's silently.
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install --yes --quiet --no-remove --no-install-recommends "${missing[@]}"
}
known_to_apt() { apt-cache show "${missing[@]}" >/dev/null 2>&1; }

if known_to_apt && install; then exit 0; fi
# The lists are absent, or too old for what the mirror has.
"${as_root[@]}" apt-get update --quiet
if ! known_to_apt; then
  echo "apt knows not all of: ${missing[*]}. This project is built on Debian 12 (bookworm)." >&2
  exit 1
fi
install
