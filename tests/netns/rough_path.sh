#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The real programs over a path that loses, doubles and reorders datagrams
# (tests/lab/rough.c, in the cafe): a connect through it, a transfer of known
# bytes both ways at once, and iperf3. No byte is wrong, and each record that
# one end sent is accounted for: taken by the other end, lost by the relay, or
# in a counter with a name. How fast it is, is only told.
#
#   laptop 192.0.2.10 --> cafe 192.0.2.1, the relay --> gateway 192.0.2.2
#
# rough_mb is how much goes each way (2048 in "make soak"), rough_seconds after
# how long no more is begun.
#
# Alone: it takes all the CPU time that there is.
set -u
# shellcheck source=tests/netns/lib_load.sh
. "$(dirname "$0")/lib_load.sh"

mb=${rough_mb-40} seconds=${rough_seconds-3}
seed=1

rough_begin() { # WHAT-IT-DOES...
	start rough cafe "$built/lab/rough" 192.0.2.1 192.0.2.2 \
		$seed "$@"
	until_true 5 grep -q ready "$lab/rough.log" || fail "no relay"
}

mbits() { # IPERF-OPTION...
	on laptop timeout 60 iperf3 -J -t 1 -P 2 -C "$(congestion)" -c $web "$@" \
		>"$lab/iperf.json" &&
		python3 -c 'import json, sys
e = json.load(open(sys.argv[1]))["end"]["sum_received"]
if e["bytes"] <= 0: sys.exit(1)
print(round(e["bits_per_second"] / 1e6))' "$lab/iperf.json"
}

# The counters of the laptop's device begin at 0 with each connect.
over() { # CASE WHAT-THE-PATH-DOES...
	local name=$1 up down
	shift
	rough_begin "$@"
	account_take before || fail "no counters"
	expect 0 connect relayed --wait=30
	transfer 4 "$mb" "$seconds"
	up=$(mbits) && down=$(mbits -R) ||
		fail "$name: iperf3: $(cat "$lab/iperf.json")"
	must_balance "$name" relayed
	expect 0 disconnect
	stop rough TERM || fail "the relay ended with $?"
	echo "note: $name: up $(moved_mb up), down $(moved_mb down), at once;" \
		"iperf3 up $up, down $down Mbit/s"
	sed "s/^/note:   /" "$lab/account"
}

load_begin iperf3
variant relayed 'p["HostName"] = "192.0.2.1"
p["VendorConfig"]["ServerName"] = "vpn.example.com"'
add_profiles relayed
start iperf office iperf3 -s
over "1 % lost" loss=1
over "5 % lost" loss=5
over "reordered" held=5,32
over "doubled" twice=5
over "all of it" loss=5 held=5,32 twice=5
as_before "rough paths"
stop gateway || fail "adit-gateway ended with $?"
