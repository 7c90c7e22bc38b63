#!/usr/bin/env bash
# What .ci/parts.sh promises: a part that hangs is ended and told, what is left of the time of all shortens a part's own, and what
# is not begun is told as well.
# usage: ci_parts.sh FOLDER-FOR-LOGS
set -euo pipefail
logs=$1
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/../../scripts/lib.sh"
# shellcheck source=.ci/parts.sh
source .ci/parts.sh

# is WHAT EXPECTED FOUND
is() { [[ $2 == "$3" ]] || die 1 "$1: expected $2, found $3"; }

begin_parts 10 "$logs"
is "what a part has of its own" 120 "$(limit_of 2)"
parts_end=$((SECONDS + 90))
found=$(limit_of 2)
((found > 0 && found <= 90)) || die 1 "what a part has when the time of all is nearly over: found $found"

count good 1 true
count bad 1 false
parts_end=$((SECONDS - 1))
is "what a part has when the time of all is over" 0 "$(limit_of 2)"
count late 1 touch "$logs/begun"
# A second is less than any part has in earnest.
limit_of() { echo 1; }
count hangs 1 sleep infinity
is "parts that passed" 1 "$parts_passed"
is "parts that failed" 3 "$parts_failed"
[[ ! -e $logs/begun ]] || die 1 "a part was begun when the time of all was over"

told=$(report_parts)
for line in 'good .*passed' 'bad .*FAILED (status 1)' 'late .*FAILED (not begun' 'hangs .*FAILED (ended after 1 s)'; do
  grep -q "^  $line" <<<"$told" || die 1 "the report does not say \"$line\": $told"
done
say "parts: told and ended as they should be"
