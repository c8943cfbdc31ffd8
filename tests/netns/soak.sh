#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The real programs at full rate for soak_seconds (an hour in "make soak"): TCP
# both ways at once, whose bytes the far end knows, and small UDP beside it.
# Meanwhile the resident memory and the descriptors of both programs are looked
# at; after a first third, in which buffers are used for the first time, neither
# may grow. At the end no record is missing without a cause: see
# tests/lab/account.py.
#
# Alone: it takes all the CPU time that there is.
set -u
# shellcheck source=tests/netns/lib_load.sh
. "$(dirname "$0")/lib_load.sh"

seconds=${soak_seconds-15}
udp_rate=5000 grown_max_kb=1024
epoch_records=$((1 << 24))

# Of a process: KiB of memory, descriptors, CPU time in us.
weigh() { # PID
	echo "$(awk '/^Rss:/ { print $2 }' "/proc/$1/smaps_rollup")" \
		"$(find "/proc/$1/fd" -mindepth 1 | wc -l) $(cpu_us "$1")"
}

# A line for each sample, until the traffic ends: when, and what both weigh.
watch_both() {
	local began client gateway pause
	began=$(now_ms)
	client=$(program_pid aditd) && gateway=$(program_pid gateway) ||
		fail "a program has ended"
	pause=$(awk "BEGIN { print $seconds / 60 }")
	while [ $(($(now_ms) - began)) -lt $((1000 * seconds)) ]; do
		sleep "$pause"
		echo "$(($(now_ms) - began)) $(weigh "$client") $(weigh "$gateway")"
	done >"$lab/samples"
}

# What a column has (at its most, or in the last sample) after the first third,
# less the most within it.
growth() { # COLUMN most|last
	awk -v c="$1" -v last="$2" -v third=$((1000 * seconds / 3)) '
		$1 <= third && $c > first { first = $c }
		$1 > third && ($c > later || last == "last") { later = $c }
		END { print first && later ? later - first : "?" }' "$lab/samples"
}

most() { # COLUMN
	awk -v c="$1" '$c > n { n = $c } END { print n }' "$lab/samples"
}

# A handshake in between has descriptors of its own for a moment.
must_stay() { # NAME MEMORY-COLUMN
	local memory descriptors
	memory=$(growth "$2" most) descriptors=$(growth $(($2 + 1)) last)
	[ "$memory" != "?" ] && [ "$memory" -le $grown_max_kb ] &&
		[ "$descriptors" -le 0 ] ||
		fail "$1 grew by $memory KiB and $descriptors descriptors:" \
			"$(cat "$lab/samples")"
	echo "note: $1: at most $(most "$2") KiB and $(most $(($2 + 1)))" \
		"descriptors, grown by $memory and $descriptors"
}

# How busy the programs kept the CPUs, of all that there was.
cpu_share() {
	awk -v cpus="$(nproc)" 'NR == 1 { t = $1; a = $4; g = $7 }
		END { ms = ($1 - t) * cpus
			printf "%d %% by aditd, %d %% by adit-gateway",
				($4 - a) / 10 / ms, ($7 - g) / 10 / ms }' "$lab/samples"
}

# A lane has a new key for each so many records.
epochs() {
	awk -v n=$epoch_records '{ printf "%s %d ", $1, $2 / n }' "$lab/account"
}

# Errors and drops of a device, both ways.
device_drops() { # HOST DEVICE
	on "$1" sed -n "s/^ *$2://p" /proc/net/dev |
		awk '{ print $3 + $4 + $11 + $12 }'
}

# What may have happened to a small UDP packet on its way to the office.
udp_drops() {
	device_drops laptop adit0
	on laptop tc -s qdisc show dev adit0 |
		sed -n 's/.*(dropped \([0-9]*\).*/\1/p'
	sed -n 's/^up: .* \([0-9]*\) lost by the kernel.*/\1/p' "$lab/account"
	sed -n 's/.*packets_dropped_total{direction="rx",cause="device"} //p' \
		"$lab/after.metrics"
	device_drops gateway adit-gw
	device_drops gateway in0
	device_drops office in0
	on office awk '/^Udp:/ { n = $4 } END { print n }' /proc/net/snmp
}

# What has arrived, by the office's kernel: the sender asked when the last ones
# may still have been on another lane. Each question got an answer.
udp_must_balance() {
	local sent came lost dropped
	sent=$(sed 's/.*"sent": \([0-9]*\).*/\1/' "$lab/udp.log")
	came=$(on office awk '/^Udp:/ { n = $2 - $5 } END { print n }' \
		/proc/net/snmp)
	lost=$((sent - came))
	dropped=$(udp_drops | awk '{ n += $1 } END { print n + 0 }')
	[ $lost -ge 0 ] && [ $lost -le "$dropped" ] ||
		fail "$lost small UDP packets are lost, $dropped drops are counted:" \
			"$(cat "$lab/udp.log")"
	echo "note: small UDP: $sent sent, $lost lost, $dropped drops counted on" \
		"the way"
}

load_begin
start flows office "$built/bench/flows" serve $web:7001
add_profiles laptop
account_take before || fail "no counters"
expect 0 connect laptop --wait
reaches $web
start udp laptop "$built/bench/flows" send $web:7001 \
	$udp_rate "$seconds" 16 200
watch_both &
watcher=$!
transfer 2 100000000 "$seconds"
wait $watcher || exit 1
wait "${lab_job[udp]}" || fail "small UDP: $(cat "$lab/udp.log")"
must_balance "the soak"
state_is up || fail "not up at the end: $(on laptop adit status)"
must_stay aditd 2
must_stay adit-gateway 5
echo "note: $seconds s: up $(moved_mb up), down $(moved_mb down), at once;" \
	"of the CPUs $(cpu_share)"
udp_must_balance
echo "note: changes of epoch, if all was on one lane: $(epochs)"
sed "s/^/note:   /" "$lab/account"
expect 0 disconnect
as_before "a soak"
stop gateway || fail "adit-gateway ended with $?"
