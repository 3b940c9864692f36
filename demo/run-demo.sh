#!/usr/bin/env bash
# The demo: a server with a temporary data folder reads the bundled exports of three systems, and the feed of another
# programme, and shows what came of them. `make demo` builds what it needs and calls it.
#   demo/run-demo.sh BUILD_DIR
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/server.sh
bin=$1/bin
partner=${DEMO_PARTNER:-Cascadia Cloud Partners}
as_of=2026-03-31 # the exports end there

folder=$(mktemp -d "${TMPDIR:-/tmp}/partnermetrics-demo.XXXXXX")
finish() {
  stop_server
  rm -rf "$folder"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [[ -t 1 ]]; then bold=$'\e[1m' plain=$'\e[0m'; else bold= plain=; fi
# step TEXT: the line above what a command shows.
step() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }
# show WORDS…: runs partnerctl, with the command as one would type it.
show() {
  local word line='$ partnerctl'
  for word in "$@"; do
    if [[ $word == *' '* ]]; then word="\"$word\""; fi
    line+=" $word"
  done
  echo "$line"
  "$bin/partnerctl" --server "$server_address" "$@"
}
# must WORDS…: as show, but a failure ends the demo with the server's log.
must() { show "$@" || server_failed "partnerctl $1 failed with exit code $?."; }

step "Starting partnerd on a free port, with its data in a temporary folder"
start_server "$folder/partnerd.log" "$folder/port" \
  "$bin/partnerd" --config demo/config.textproto --data-dir "$folder/data" --port-file "$folder/port"
echo "ready on $server_address"

partial=9 # exit code of a run that put some records into quarantine: bad rows are bundled on purpose
# import CONNECTOR FOLDER
import() {
  local status=0
  step "Reading demo/$2"
  show connector run "$1" || status=$?
  if ((status != 0 && status != partial)); then server_failed "The run failed with exit code $status."; fi
}
for connector in salesforce stripe survey; do import "$connector" "exports/$connector"; done

step "Adding what no export holds (quotas, portal, training, events), as another service would"
must ingest events --program partneros --json @demo/events.json

when=(--program partneros --as-of "$as_of")
step "A partner's scorecard"
must scorecard "$partner" "${when[@]}"

step "What its scores are made of"
must score show "$partner" "${when[@]}"

step "Its tier: what decides, what is missing for the next one, what could cost it"
must tier show "$partner" "${when[@]}"

step "One of its numbers, explained: the records behind it"
must metric facts avg_deal_size --scope "partner:$partner" "${when[@]}"

step "The programme's totals"
must scorecard "${when[@]}"

step "Are the service levels kept, and what waits?"
must report sla "${when[@]}"

step "How far have partners come?"
must report funnel "${when[@]}"

step "Business to come, by stage"
must report pipeline "${when[@]}"

step "Who brought the revenue, by the tier that the CRM states (by the computed one: --split-by partner_tier)"
must report revenue "${when[@]}"

step "Where a partner stands"
must standings leaderboard deals_closed "${when[@]}" --around "$partner" --limit 5

step "Who needs an intervention, the most urgent first, and why"
must intervention list "${when[@]}" --page-size 10

step "The quarter is closed: what was said of it stays in the log, whatever is corrected later"
must period close --program partneros --kind quarter --day "$as_of" --author demo

step "Records that could not be read, with the place and the reason"
must quarantine list

step "Another programme on the same server: installers of solar systems, judged by milestones"
import milestones lightreach/feed
when=(--program lightreach --as-of "$as_of")
must scorecard SUN-02 "${when[@]}"
must tier show SUN-02 "${when[@]}"
must scorecard "${when[@]}"
must report sla "${when[@]}"
must report funnel "${when[@]}"
must standings leaderboard m2_approvals_per_month "${when[@]}"

step "Their tiers after the review at the quarter's end: computed, whatever tier the feed states"
must standings distribution partner_tier --program lightreach --as-of 2026-04-01

step "One of its numbers, explained: what it is divided by what"
must metric explain first_time_approval_rate --scope partner:SUN-02 "${when[@]}"

step "What the installers of each tier do, by the tier that the feed stated: the programme declares segments"
must metric query --metric-ids m2_approvals --metric-ids first_time_approval_rate \
  --scopes segment:tier=Platinum --scopes segment:tier=Elite --scopes segment:tier=Pro --scopes segment:tier=Certified \
  "${when[@]}"
must intervention list "${when[@]}"

stop_server
cat <<END

${bold}How to go on${plain}
  make run              a server whose data stays, and a configuration file to edit
  docs/operating.md     configuration, connectors, what to do when something fails
  docs/metrics.md       what the numbers mean
  $bin/partnerctl --help
The demo's server is stopped; nothing of it stays.
END
