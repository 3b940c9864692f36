#!/usr/bin/env bash
# Runs the commands of docs/writing-a-connector.md (its blocks marked sh), in order, outside of the tree and against an
# installed SDK.
#   run_guide.sh CMAKE BUILD_DIR GUIDE
set -euo pipefail
cmake=$1 build=$2 guide=$3
folder=$(mktemp -d "${TMPDIR:-/tmp}/partnermetrics-guide.XXXXXX")
trap 'rm -rf "$folder"' EXIT

export PREFIX=$folder/prefix
"$cmake" --install "$build" --component connector_sdk --prefix "$PREFIX" >/dev/null
export PATH=$PREFIX/bin:$(dirname "$cmake"):$PATH
commands=$(awk '/^```sh$/ { on = 1; next } /^```$/ { on = 0 } on' "$guide")
[[ $(grep -c . <<<"$commands") -ge 10 ]] || { echo "the guide has lost its commands" >&2; exit 1; }

mkdir "$folder/work"
cd "$folder/work"
echo "$commands" >../guide.sh
bash -euxo pipefail ../guide.sh

# A project is written once, and names that cannot be a plugin's are refused.
if partner-connector-new my_source 2>/dev/null; then echo "an existing folder was taken" >&2; exit 1; fi
if partner-connector-new My-Source 2>/dev/null; then echo "a wrong name was taken" >&2; exit 1; fi
