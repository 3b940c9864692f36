#!/usr/bin/env bash
# Lints the protos with buf by the rules of buf.yaml. buf comes from npm once, into build/node.
set -euo pipefail
cd "$(dirname "$0")/.."

version=1.57.0
prefix=build/node/buf-$version
if [[ ! -x $prefix/node_modules/.bin/buf ]]; then
  npm install --prefix "$prefix" --ignore-scripts --no-audit --no-fund --loglevel=error "@bufbuild/buf@$version"
fi
"$prefix/node_modules/.bin/buf" lint
echo "buf: no findings"
