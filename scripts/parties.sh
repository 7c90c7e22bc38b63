# shellcheck shell=bash
# For scripts that need three parties on this machine; source it after lib.sh. They end with the script.

parties_pid=
stop_parties() {
  local status=$?
  trap - EXIT
  if [[ -n $parties_pid ]]; then
    kill -TERM "$parties_pid" 2>/dev/null || true
    wait "$parties_pid" 2>/dev/null || true
  fi
  exit "$status"
}

# start_parties PROGRAM FOLDER [ARGUMENT...]: `PROGRAM local --dir FOLDER ARGUMENT...` in the background, until they are ready.
start_parties() {
  local program=$1 folder=$2 status=0
  shift 2
  mkdir -p "$folder"
  trap stop_parties EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  "$program" local --dir "$folder" --ready-fd 3 "$@" >"$folder/local.out" 2>"$folder/local.err" 3>"$folder/local.ready" &
  parties_pid=$!
  until [[ -s $folder/local.ready ]]; do
    if ! kill -0 "$parties_pid" 2>/dev/null; then
      wait "$parties_pid" || status=$?
      parties_pid=
      cat "$folder/local.err" >&2
      die "$((status == 0 ? 1 : status))" "the parties did not start; what is in the way stands above"
    fi
    sleep 0.1
  done
}
