#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A way that loses the last datagram of each train of equal ones
# (tests/lab/train_relay.c, in the cafe), and nothing else. While it does so in
# one direction the end that sends there says in its status, within 5 s, what
# gets lost and what it does about it; then nothing is lost any more, and the
# throughput is back. The same in the other direction, where it is the gateway
# that says so. The tunnel stays up, and is not to blame for what comes before.
#
#   laptop 192.0.2.10 --> cafe 192.0.2.1, the relay --> gateway 192.0.2.2
#
# Alone: it measures throughput.
set -u
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

office=198.51.100.10 metrics=127.0.0.1:9464

relay_has_answered() { # LINES-BEFORE
	[ "$(wc -l <"$lab/relay.log")" -gt "$1" ]
}

# One line to the relay. How many trains there were up to now is in $trains, and
# how many it spoilt in $spoilt, of the direction that is looked at.
relay() { # DIRECTION COMMAND...
	local lines up up_spoilt down down_spoilt direction=$1
	shift
	lines=$(wc -l <"$lab/relay.log")
	echo "$*" >"$lab/relay.fifo"
	until_true 5 relay_has_answered "$lines" ||
		fail "the relay does not answer: $*"
	read -r _ up up_spoilt _ down down_spoilt \
		< <(tail -n 1 "$lab/relay.log")
	trains=$up spoilt=$up_spoilt
	[ "$direction" = up ] || { trains=$down spoilt=$down_spoilt; }
}

begin() {
	programs_begin curl iperf3 python3
	variant relayed 'p["HostName"] = "192.0.2.1"
p["VendorConfig"]["ServerName"] = "vpn.example.com"'
	mkfifo "$lab/relay.fifo"
	start relay cafe "$lab_root/build/linux/lab/train_relay" 192.0.2.1 \
		192.0.2.2 /run/lab/relay.fifo
	until_true 5 grep -q ready "$lab/relay.log" || fail "no relay"
	start gateway gateway adit-gateway run /etc/gw --metrics $metrics
	until_true 5 on gateway curl -sf http://$metrics/metrics ||
		fail "the gateway does not start"
	start_aditd
	add_profiles relayed
	expect 0 connect relayed --wait=10
	start iperf office iperf3 -s
	until_true 5 on office sh -c 'ss -Hltn sport = :5201 | grep -q .' ||
		fail "iperf3 does not start"
}

# The end that sends in a direction: what its status has about batches, as
# "TIMES REASON"; nothing if they leave whole.
fallback() { # up|down
	if [ "$1" = up ]; then
		on laptop adit status --json
	else
		on gateway adit-gateway status /etc/gw --json
	fi | python3 -c 'import json, sys
s = json.load(sys.stdin)
for f in s.get("sessions", [s])[0]["fallbacks"]:
    if f["what"] == "batches":
        print(f["times"], f["reason"])'
}

tells() { # up|down
	fallback "$1" | grep -q 'the last packets'
}

# Bytes of the flow that got through, by the counters of the receiver's device.
got() { # up|down
	if [ "$1" = up ]; then
		on office cat /sys/class/net/in0/statistics/rx_bytes
	else
		on laptop cat /sys/class/net/adit0/statistics/rx_bytes
	fi
}

# Mbit/s, from $bytes at $began until now.
rate() { # up|down
	local now
	now=$(got "$1")
	echo $(((now - bytes) * 8 / 1000 / $(took_ms "$began")))
}

measure() { # up|down
	began=$(now_ms) bytes=$(got "$1")
}

# Have more trains passed since the relay was asked last?
trains_pass() { # up|down
	local before=$trains
	relay "$1" tell
	[ "$trains" -gt "$before" ]
}

# No train was spoilt for a while.
nothing_is_spoilt() { # up|down
	local before=$spoilt
	sleep 0.5
	relay "$1" tell
	[ "$spoilt" = "$before" ]
}

# Until status tells; the slowest tenth of a second before that is in $least.
until_told() { # up|down
	local i now
	for ((i = 0; i < 100; i++)); do
		measure "$1"
		sleep 0.1
		tells "$1" && return 0
		now=$(rate "$1")
		[ "${least:-$now}" -lt "$now" ] || least=$now
	done
	return 1
}

flow() { # up|down
	local reverse=()
	[ "$1" = up ] || reverse=(-R)
	start flow laptop iperf3 -C cubic -t 60 -i 0 -c $office "${reverse[@]}"
}

one_way() { # up|down
	local whole at least="" told tails after before
	flow "$1"
	relay "$1" tell
	until_true 10 trains_pass "$1" || fail "$1: no trains"
	measure "$1"
	sleep 2
	whole=$(rate "$1")
	[ -z "$(fallback "$1")" ] || fail "$1: $(fallback "$1")"
	relay "$1" spoil "$1"
	before=$spoilt at=$(now_ms)
	until_told "$1" || fail "$1: status does not tell"
	told=$(took_ms "$at")
	in_time "$told" 5000 || fail "$1: told after $told ms"
	# What had left before.
	until_true 5 nothing_is_spoilt "$1" ||
		fail "$1: $((spoilt - before)) tails lost, and no end"
	tails=$((spoilt - before)) before=$spoilt
	measure "$1"
	sleep 2
	after=$(rate "$1")
	relay "$1" spoil none
	[ "$spoilt" = "$before" ] || fail "$1: tails get lost all the same"
	echo "note: $1: $whole Mbit/s; while $tails tails get lost $least;" \
		"told after $told ms, then $after"
	echo "note: $1: $(fallback "$1")"
	[ "$after" -gt $((2 * least)) ] ||
		fail "$1: it does not recover: $least, then $after Mbit/s"
	stop flow INT
	state_is up || fail "$1: not up any more"
	checks=$((checks + 5))
}

begin
one_way up
one_way down
on gateway curl -sf http://$metrics/metrics |
	grep -q 'gso_fallbacks_total{cause="tails_lost"} 1$' ||
	fail "the gateway's metrics do not count it"
on laptop adit status | grep 'note .*batches' >&3 ||
	fail "a person is not told: $(on laptop adit status)"
on gateway adit-gateway status /etc/gw | grep -q ' batches: ' ||
	fail "a person is not told at the gateway"
end_aditd "lost tails"
echo "$((checks + 3)) checks"
