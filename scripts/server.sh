# For scripts that start a server of their own: source it. Stops the server whatever way the script ends.
#   start_server LOG PORT_FILE partnerd --config …     waits until it is ready; sets server_address and server_pid
#   stop_server

server_pid=
server_address=
server_log=

stop_server() {
  if [[ -z $server_pid ]]; then return; fi
  kill -TERM "$server_pid" 2>/dev/null || true
  wait "$server_pid" 2>/dev/null || true
  server_pid=
}

# server_failed MESSAGE: ends the script with the last lines of the server's log.
server_failed() {
  echo "$1 The end of its log:" >&2
  tail -n 40 "$server_log" | sed 's/^/  | /' >&2
  exit 1
}

start_server() {
  server_log=$1
  local port_file=$2 limit_s=${SERVER_START_SECONDS:-60}
  shift 2
  rm -f "$port_file"
  "$@" >"$server_log" 2>&1 </dev/null &
  server_pid=$!
  local deadline=$((SECONDS + limit_s))
  # Written once the server is ready.
  until [[ -s $port_file ]]; do
    if ! kill -0 "$server_pid" 2>/dev/null; then server_failed "The server ended before it was ready."; fi
    if ((SECONDS >= deadline)); then server_failed "The server was not ready after $limit_s s."; fi
    sleep 0.05
  done
  server_address=127.0.0.1:$(<"$port_file")
}
