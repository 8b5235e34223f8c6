#!/bin/sh
# SPDX-License-Identifier: MIT
#
# usage: test-all.sh FOLDER RUNNER HOST-TESTS GUEST-CASES
#
# Every test on every machine: on the installed emulator, then the guests on the newer one, which
# FOLDER has or is fetched into. `make test-all` calls it, with words of the runner's command
# line. When the newer one cannot be had that is said, and what ran decides; the sum of both comes
# last, as `N passed, N failed`.
set -u

folder=$1
runner=$2
hosts=$3
guests=$4
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0

# Each argument is a list of words in shell syntax.
{ eval "$runner $hosts $guests --all" || echo failed; } 2>&1 | tee "$log"
if [ "$(tail -n 1 "$log")" = failed ]; then
	status=1
fi

missing=
if tools/qemu-new.sh "$folder"; then
	{ eval "$runner $guests --all --qemu $folder/qemu-system-x86_64" || echo failed; } 2>&1 |
		tee -a "$log"
	if [ "$(tail -n 1 "$log")" = failed ]; then
		status=1
	fi
else
	missing=1
fi

[ -z "$missing" ] || echo "test-all: NOT RUN on a newer emulator: it cannot be had (above)"
awk '/^[0-9]+ passed, [0-9]+ failed$/ { passed += $1; failed += $3 }
	END { printf "%d passed, %d failed\n", passed, failed }' "$log"
exit $status
