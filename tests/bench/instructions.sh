#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# instructions.sh [--record]: what a packet costs, in instructions.
#
# callgrind counts each step of the packet path by itself, over packets of 64,
# 200 and 1,400 bytes (tests/lab/packets.c); the same program gives the same
# count, however busy the machine is. It is held against instructions.txt, and
# fails where a count is more than 5 % higher; --record writes that file anew.
# AES-256-GCM is wolfCrypt's with AES-NI: valgrind knows no AVX-512, so that
# IPsec-MB cannot be counted.
set -eu
cd "$(dirname "$0")/../.."
program=build/linux/lab/packets
recorded=tests/bench/instructions.txt
runs=50
steps='seal open cut-tcp cut-udp join-tcp join-udp'

command -v valgrind >/dev/null || { echo "instructions: needs valgrind"; exit 77; }
[ -x $program ] || { echo "instructions: run \"make bench-instructions\""; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

count() { # STEP LENGTH: instructions for each packet
	local packets
	packets=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null \
		--collect-atstart=no --toggle-collect=counted \
		$program "$1" "$2" $runs 2>"$work/valgrind") ||
		{ cat "$work/valgrind" >&2; exit 1; }
	sed -n 's/.*Collected : //p' "$work/valgrind" |
		awk -v n="$packets" '{ printf "%d\n", $1 / n + 0.5 }'
}

head_lines() {
	echo "# Instructions for each packet; make bench-instructions holds a"
	echo "# build against it, tests/bench/instructions.sh --record renews it."
	echo "# $(date -u +%F), $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo |
		head -n 1), $(${CC:-gcc} --version | head -n 1), $(valgrind --version)"
}

for step in $steps; do
	for length in 64 200 1400; do
		n=$(count "$step" "$length")
		echo "$step $length $n"
	done
done >"$work/now"

if [ "${1-}" = --record ]; then
	{ head_lines; cat "$work/now"; } >$recorded
	cat $recorded
	exit
fi

sed -n 's/^# \(....-..-..,\)/Recorded \1/p' $recorded
printf '  %-10s %6s %10s %8s %8s\n' step bytes recorded now change
awk 'NR == FNR { if (!/^#/) was[$1, $2] = $3; next }
	{
		known = ($1, $2) in was
		change = known ? 100 * ($3 / was[$1, $2] - 1) : 0
		printf "  %-10s %6d %10s %8d", $1, $2, \
			known ? was[$1, $2] : "-", $3
		if (known)
			printf " %+7.1f %%", change
		if (change > 5) {
			printf "  more"
			worse++
		} else if (change < -5) {
			printf "  less"
			better++
		}
		printf "\n"
	}
	END {
		printf "%d counts are more than 5 %% higher, %d lower\n", worse, better
		exit worse > 0
	}' $recorded "$work/now"
