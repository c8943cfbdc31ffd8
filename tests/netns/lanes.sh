#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Several lanes, at either end and in any combination: sixteen flows in both
# directions keep their order, each within itself; a tunnel without the rule
# that keeps a flow on its lane (tests/lab/preload_scatter.c) does not, which
# shows that this can fail. So they do where the kernel glues what comes from
# one port, whatever its lane.
set -u
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

flows=$lab_root/build/linux/bench/flows
scatter=$lab_root/build/linux/lab/scatter.so
server=198.51.100.10

number() { # KEY: of the last line
	python3 -c 'import json, sys
print(json.loads(sys.argv[1])[sys.argv[2]])' "$line" "$1"
}

lanes_are() { # NUMBER
	on laptop adit status --json >"$lab/status" 2>/dev/null
	python3 -c 'import json, sys
sys.exit(json.load(open(sys.argv[1])).get("lanes") != int(sys.argv[2]))' \
		"$lab/status" "$1"
}

threads() { # LABEL
	find "/proc/$(program_pid "$1")/task" -mindepth 1 -maxdepth 1 | wc -l
}

tunnel() { # CLIENT-LANES GATEWAY-LANES [COMMAND...]
	local client=$1 gateway=$2
	shift 2
	start gateway gateway "$@" adit-gateway run /etc/gw --lanes "$gateway"
	until_true 5 on gateway sh -c 'ss -Hlun sport = :443 | grep -q .' ||
		fail "the gateway does not start"
	start aditd laptop "$@" aditd
	until_true 5 on laptop adit status || fail "aditd does not start"
	on laptop adit connect "lanes-$client" --wait=20 >"$lab/connect.log" ||
		fail "$client lanes to $gateway: $(cat "$lab/connect.log")"
}

end_tunnel() {
	stop aditd
	stop gateway
}

# Sets `line`. A queue that is full loses; what arrives must be in order.
sixteen_flows() {
	line=$(on laptop "$flows" send $server:7001 "${rate:-20000}" \
		"${seconds:-2}" 16) || fail "the flows do not end"
	[ "$(number received)" -gt 0 ] && [ "$(number back)" -gt 0 ] ||
		fail "nothing arrives: $line"
}

in_order() { # CLIENT-LANES GATEWAY-LANES
	tunnel "$1" "$2"
	# With more than the session has, a client sends on those.
	lanes_are "$(($1 < $2 || $2 >= 4 ? $1 : ($1 < 4 ? $1 : 4)))" ||
		fail "$1 lanes to $2: $(cat "$lab/status")"
	sixteen_flows
	echo "note: $1 and $2 lanes: $(number sent) sent, $(number received)" \
		"came, $(number late) behind a later one; $(number back) came" \
		"back, $(number back_late) behind a later one; the gateway has" \
		"$(threads gateway) threads"
	[ "$(number late)" = 0 ] && [ "$(number back_late)" = 0 ] ||
		fail "$1 and $2 lanes reorder: $line"
	end_tunnel
	checks=$((checks + 2))
}

# From here on each datagram crosses the wire by itself, and is glued to its
# neighbours where it arrives, as it is between machines.
glue() {
	cat >"$lab/glue.py" <<'PY'
import ctypes, fcntl, socket, struct, sys

name, what, on = sys.argv[1:]
command = {"tso": 0x1f, "gro": 0x2c}[what]  # ETHTOOL_STSO, ETHTOOL_SGRO
value = ctypes.create_string_buffer(struct.pack("II", command, int(on)))
fcntl.ioctl(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), 0x8946,
            struct.pack("16sP16x", name.encode(), ctypes.addressof(value)))
PY
	local host
	for host in laptop gateway; do
		on $host ip link set up0 gso_max_segs 1 &&
			on cafe ip link set to-$host gso_max_segs 1 &&
			on cafe python3 /run/lab/glue.py to-$host tso 0 &&
			on $host python3 /run/lab/glue.py up0 gro 1 ||
			fail "$host: nothing is glued"
	done
}

# What is glued behind another lane's comes to the wrong worker, and may be
# overtaken on its way to the right one.
lanes_are_not_glued() {
	tunnel 4 4
	start iperf office iperf3 -s
	until_true 5 on office sh -c 'ss -Hltn sport = :5201 | grep -q .' ||
		fail "iperf3 does not start"
	on laptop iperf3 -c $server -P 8 -t 2 >"$lab/iperf3.log" ||
		fail "iperf3: $(cat "$lab/iperf3.log")"
	kill -USR1 "$(program_pid gateway)"
	until_true 5 grep -q system_calls "$lab/gateway.log" ||
		fail "the gateway does not tell"
	! grep handed_over "$lab/gateway.log" >&3 ||
		fail "the kernel glues lanes"
	end_tunnel
	checks=$((checks + 1))
}

out_of_order() {
	tunnel 4 4 env LD_PRELOAD="$scatter"
	local i
	for i in 1 2 3 4 5; do # some on a quiet machine, thousands on another
		rate=60000 sixteen_flows
		echo "note: with flows that leave their lanes:" \
			"$(number late) of $(number received) behind a later" \
			"one, $(number back_late) of $(number back)"
		[ $(($(number late) + $(number back_late))) -eq 0 ] || break
	done
	[ $(($(number late) + $(number back_late))) -gt 0 ] ||
		fail "a tunnel without lanes for flows keeps their order: $line"
	end_tunnel
	checks=$((checks + 1))
}

programs_begin iperf3 python3
for n in 1 2 4; do
	variant "lanes-$n" "p['VendorConfig']['Lanes'] = $n"
	on laptop adit profile check "/run/lab/lanes-$n.json" >"$lab/check" ||
		fail "$(cat "$lab/check")"
done
start aditd laptop aditd
until_true 5 on laptop adit status || fail "aditd does not start"
add_profiles lanes-1 lanes-2 lanes-4
stop aditd
start flows office "$flows" echo $server:7001
in_order 1 1
in_order 4 4
in_order 1 4
in_order 4 1
in_order 2 4
out_of_order
glue
lanes_are_not_glued
echo "note: $checks checks"
