#!/usr/bin/env bash
# `make run`: partnerd with a configuration to edit and data that stays, both in var/.
#   scripts/run-server.sh BUILD_DIR
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$1/bin
config=var/partnerd.textproto

if [[ ! -e $config ]]; then
  mkdir -p var
  # The example stands beside the tree's folders, the copy too: its relative paths hold in both places.
  cp config/partnerd.textproto "$config"
  echo "Made $config from the example: every field is explained there."
fi
cat <<END
Configuration: $config      Data: var/data      Stop: Ctrl-C
In another terminal:
  $bin/partnerctl status
  $bin/partnerctl connector list
  $bin/partnerctl connector run salesforce
  $bin/partnerctl scorecard

END
exec "$bin/partnerd" --config "$config"
