# shellcheck shell=bash
# Shared by the scripts: `source "$(dirname "$0")/lib.sh"`. Sets `root` to the repository and changes to it.
# Exit status: 2 what the user can mend (arguments, rights), 3 a package cannot be installed, 1 anything else.

set -euo pipefail
export LC_ALL=C.UTF-8
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
# shellcheck disable=SC2034  # for the scripts
log_dir=$root/build

say() { printf '%s\n' "$*"; }

# die STATUS MESSAGE...
die() {
  local status=$1
  shift
  clear_bar
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit "$status"
}

on_terminal() { [[ -t 1 && ${TERM:-dumb} != dumb ]]; }

clear_bar() { if on_terminal; then printf '\r\033[K'; fi; }

last_tenth=-1
# progress PERCENT TEXT: a bar that redraws itself on a terminal; elsewhere one line for each tenth of the way.
progress() {
  local percent=$1 text=$2
  if on_terminal; then
    local columns width=30 filled bar
    columns=$(tput cols 2>/dev/null || echo 80)
    filled=$((percent * width / 100))
    printf -v bar '%*s' "$filled" ''
    bar=${bar// /#}
    printf '\r\033[K[%-*s] %3d%% %s' "$width" "$bar" "$percent" "${text:0:$((columns > 40 ? columns - 40 : 0))}"
  elif ((percent / 10 != last_tenth)); then
    last_tenth=$((percent / 10))
    printf '  %3d%% %s\n' "$percent" "$text"
  fi
}

# Ends a bar: progress_done TEXT
progress_done() {
  clear_bar
  last_tenth=-1
  say "$*"
}

# Compilers that fit at a time: one a core, each with 1.5 GB of memory.
jobs_that_fit() {
  local cores by_memory
  cores=$(nproc)
  by_memory=$(awk '/^MemAvailable:/ {print int($2 / 1500000)}' /proc/meminfo 2>/dev/null || true)
  [[ $by_memory =~ ^[0-9]+$ ]] || by_memory=$cores
  ((by_memory < 1)) && by_memory=1
  echo $((by_memory < cores ? by_memory : cores))
}

# need_tool COMMAND PACKAGE: for the scripts that use more than scripts/setup installs.
need_tool() {
  command -v "$1" >/dev/null || die 2 "$1 is not installed; install it with: apt-get install $2"
}

# The C++ files of the repository, generated and foreign ones left out.
our_sources() { git ls-files -- '*.h' '*.cpp' '*.inc'; }
