#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The wire goes dead under a tunnel that is in use, and comes back; another
# program never stops changing routes while one of ours is taken away.
set -u
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

web=198.51.100.10
dead_s=7

# Nothing of the tunnel gets in or out; the rest of the wire is alive.
cut() {
	on laptop nft -f - <<-EOF
		table inet blackout {
			chain out {
				type filter hook output priority 0
				udp dport 443 drop
			}
			chain in {
				type filter hook input priority 0
				udp sport 443 drop
			}
		}
	EOF
}

mend() {
	on laptop nft delete table inet blackout
}

# What the workers go on sending must not keep the old session alive at the
# gateway, which would refuse the new one for as long.
blackout_in_use() {
	local began
	start pinger laptop ping -qi 0.2 $web
	cut || fail "nft"
	sleep $dead_s
	until_true 3 on laptop sh -c \
		'adit status | grep -q "^laptop is \(reconnecting\|connecting\)"' ||
		fail "after $dead_s s of silence: $(on laptop adit status)"
	mend
	began=$(now_ms)
	until_true 8 state_is up || fail "not up 8 s after the wire came back:" \
		"$(on laptop adit status)"
	echo "note: a wire dead for $dead_s s under traffic: up again" \
		"$(($(now_ms) - began)) ms after it came back"
	stop pinger INT
	reaches $web || fail "up, but the office does not answer"
}

# Bounded: half a minute of another program's routes.
churn() {
	start churn laptop bash -c 'for ((i = 0; i < 220; i++)); do
		ip route add 203.0.113.200/32 via 192.0.2.1
		sleep 0.065
		ip route del 203.0.113.200/32
		sleep 0.065
	done'
}

rule_is_there() {
	on laptop ip rule | grep -q '^21004:'
}

repair_under_churn() {
	local began
	churn
	on laptop ip rule del priority 21004 || fail "no rule to delete"
	began=$(now_ms)
	until_true 3 rule_is_there ||
		fail "a rule is gone for 3 s while another program is busy"
	echo "note: a deleted rule was back after $(($(now_ms) - began)) ms" \
		"while another program changed routes"
	running churn || fail "the other program ended too early to say anything"
	stop churn KILL
	on laptop ip route del 203.0.113.200/32 2>/dev/null
}

programs_begin nft
start_gateway
start_aditd
add_profiles laptop
expect 0 connect laptop --wait=10
blackout_in_use
repair_under_churn
expect 0 disconnect
end_aditd "after an outage"
as_before "an outage and a busy neighbour"
