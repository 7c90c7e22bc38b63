# shellcheck shell=bash
# Parts of a run, one after another, until one time that all of them share is over. For .ci/run, behind scripts/lib.sh:
#   begin_parts MINUTES LOG-FOLDER
#   part NAME MINUTES COMMAND...    its status; 124 where its time or the time of all was over
#   count NAME MINUTES COMMAND...   the same, counted in parts_passed and parts_failed
#   report_parts                    a line for each part

parts_failed=0 parts_passed=0
part_results=()

# begin_parts MINUTES LOG-FOLDER: from here on, all of them together.
begin_parts() {
  parts_end=$((SECONDS + 60 * $1))
  part_logs=$2
  mkdir -p "$part_logs"
}

# limit_of MINUTES: the seconds that a part has that wants so many minutes: no more than are left for all.
limit_of() {
  local left=$((parts_end - SECONDS)) wanted=$((60 * $1))
  ((left > 0)) || left=0
  echo $((wanted < left ? wanted : left))
}

# MINUTES are several times what the part takes, so that what hangs is told and the rest still runs.
part() {
  local name=$1 limit status=0 began=$SECONDS result
  limit=$(limit_of "$2")
  shift 2
  say
  say "=== $name: $*"
  if ((limit == 0)); then
    status=124 result="FAILED (not begun: the time of all parts was over)"
    : >"$part_logs/$name.log"
  else
    timeout --kill-after=20 "${limit}s" "$@" </dev/null 2>&1 | tee "$part_logs/$name.log" || status=$?
    case $status in
      0) result=passed ;;
      124 | 137) result="FAILED (ended after $limit s)" ;;
      *) result="FAILED (status $status)" ;;
    esac
  fi
  part_results+=("$(printf '  %-10s %5d s  %s' "$name" $((SECONDS - began)) "$result")")
  say "=== $name: $result after $((SECONDS - began)) s"
  return "$status"
}

count() { if part "$@"; then parts_passed=$((parts_passed + 1)); else parts_failed=$((parts_failed + 1)); fi; }

report_parts() {
  say
  say "all parts, $SECONDS s:"
  printf '%s\n' "${part_results[@]}"
}
