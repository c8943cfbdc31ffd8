#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The demo as a test: it holds, it can be interrupted, it can be kept and ended;
# and each time it leaves no process and no folder.
#
# Alone: there is one demo, and it measures how fast a connect is.
set -u
cd "$(dirname "$0")/../.." || exit 2
# shellcheck source=tests/lab/lab.sh
. tests/lab/lab.sh
if why=$(lab_cannot tcpdump iperf3 python3 curl); then
	echo "$why"
	exit 77
fi
if [ -e build/demo.kept ]; then
	echo "a kept demo is running (tests/lab/demo.sh --end)"
	exit 77
fi
out=$(mktemp -d) checks=0
mkdir "$out/tmp"
exec 3>&1
trap 'rm -rf "$out"' EXIT

# What a demo that has ended may not leave.
nothing_left() { # AFTER-WHAT
	[ -z "$(ls -A "$out/tmp")" ] || fail "$1 left: $(ls "$out/tmp")"
	pgrep -f "$out/tmp" >"$out/left" && fail "$1 left: $(cat "$out/left")"
	checks=$((checks + 1))
}

# The page up to a step, then a signal to it.
interrupt() { # STEP SIGNAL EXIT-CODE
	local demo code
	TMPDIR=$out/tmp tests/lab/demo.sh >"$out/page" 2>&1 &
	demo=$!
	until_true 60 grep -q "ok  $1" "$out/page" ||
		fail "no step $1: $(tail -n 3 "$out/page")"
	kill "-$2" $demo
	wait $demo
	code=$?
	[ $code -eq "$3" ] || fail "SIG$2 after $1: exit code $code"
	nothing_left "SIG$2 after $1"
}

TMPDIR=$out/tmp tests/lab/demo.sh >"$out/page" 2>&1 || {
	cat "$out/page"
	fail "the demo does not hold"
}
grep -q '^  Everything held, in ' "$out/page" || fail "it does not say so"
grep -q $'\e' "$out/page" && fail "colours without a terminal"
awk 'length > 80' "$out/page" | grep . && fail "lines of more than 80 columns"
nothing_left "a demo that held"
sed -n 's/^  ok  \(adit connect --wait\|throughput\|tcpdump saw\) */note: /p' \
	"$out/page" | sed 's/  .*//'

interrupt "adit-gateway run" TERM 143
interrupt "adit connect" HUP 143

# Kept, looked at, and ended.
TMPDIR=$out/tmp tests/lab/demo.sh --keep >"$out/page" 2>&1 ||
	fail "--keep: $(tail -n 3 "$out/page")"
tests/lab/demo.sh >"$out/second" 2>&1 && fail "two demos, one of them kept"
tests/lab/demo.sh --on laptop ping -qc 1 -W 2 198.51.100.10 >"$out/ping" ||
	fail "the kept demo has no tunnel: $(cat "$out/ping")"
tests/lab/demo.sh --end >"$out/end" || fail "--end: $(cat "$out/end")"
nothing_left "a kept demo"
echo "note: nothing is left in $checks ways to end it"
