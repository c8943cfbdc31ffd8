#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The packet path between two network namespaces, with a static secret:
#
#   client                                          gateway
#   adit0 10.9.0.1 fd99::1                          adit0 10.9.0.2 fd99::2
#      |                                               |
#   v0 192.0.2.1 ------------- veth ------------- v0 192.0.2.2
#
# ping and TCP both ways in both families; once with an epoch's usual length,
# and once with a new key every 128 packets. No packet may be lost to keys.
set -eu
cd "$(dirname "$0")/../.."
program=build/linux/lab/static_tunnel

[ "$(id -u)" = 0 ] || { echo "needs root"; exit 77; }
[ -e /dev/net/tun ] || { echo "needs /dev/net/tun"; exit 77; }

a=adit-st$$-a b=adit-st$$-b
work=$(mktemp -d)
pids=
cleanup() {
	for p in $pids; do kill "$p" 2>/dev/null || true; done
	wait
	ip netns del $a 2>/dev/null || true
	ip netns del $b 2>/dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT

fail() { echo "FAIL: $*"; exit 1; }

# until SECONDS COMMAND...: tries again until it works.
until_works() {
	local n=$(($1 * 20))
	shift
	for ((i = 0; i < n; i++)); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.05
	done
	fail "did not come true: $*"
}

topology() {
	ip netns add $a
	ip netns add $b
	ip -n $a link add v0 type veth peer name v0 netns $b
	ip -n $a addr add 192.0.2.1/24 dev v0
	ip -n $b addr add 192.0.2.2/24 dev v0
	for n in $a $b; do
		ip -n $n link set lo up
		ip -n $n link set v0 up
	done
}

device() { # NAMESPACE NUMBER
	until_works 5 ip -n "$1" link show adit0
	ip -n "$1" addr add "10.9.0.$2/24" dev adit0
	ip -n "$1" addr add "fd99::$2/64" dev adit0 nodad
	ip -n "$1" link set adit0 mtu 1420 up
}

start() { # SHIFT
	secret=$(printf '%064x' $$)
	ip netns exec $a $program adit0 192.0.2.1:5000 192.0.2.2:5000 \
		"$secret" client --shift "$1" >"$work/a" &
	pa=$!
	ip netns exec $b $program adit0 192.0.2.2:5000 192.0.2.1:5000 \
		"$secret" gateway --shift "$1" >"$work/b" &
	pb=$!
	pids="$pa $pb"
	device $a 1
	device $b 2
}

stop() {
	kill $pa $pb
	wait $pa $pb
	pids=
}

count() { # FILE NAME
	awk -v n="$2" '$1 == n { print $2 }' "$work/$1"
}

stream() { # ADDRESS NAME [-R]
	local out bits
	ip netns exec $b iperf3 -s -1 -D -I "$work/iperf.pid" --forceflush
	out=$work/iperf.json
	until_works 5 eval "ip netns exec $b ss -Hltn sport = :5201 | grep -q ."
	ip netns exec $a timeout 20 iperf3 -J -C cubic -t 2 -c "$1" ${3-} \
		>"$out" || fail "iperf3 $2"
	bits=$(python3 -c 'import json, sys
print(int(json.load(open(sys.argv[1]))["end"]["sum_received"]["bits_per_second"]))' "$out")
	[ "$bits" -gt 0 ] || fail "$2: nothing came through"
	results="$results $2 $(awk -v b="$bits" 'BEGIN { printf "%.1f", b / 1e9 }')"
}

# Keys, replay and the rest lose nothing; what a socket's queue may drop under
# full load is TCP's to repeat.
no_wrong_drops() { # SHIFT
	local end name n epochs
	for end in a b; do
		for name in short stray lane index epoch forged replayed inner \
			source malformed no_peer used_up no_socket \
			unreachable too_big send; do
			n=$(count $end drop_$name)
			[ "$n" = 0 ] || fail "shift $1, end $end: drop_$name $n"
		done
		[ "$(count $end gso_fallbacks)" = 0 ] || fail "GSO fell back"
	done
	epochs=$(($(count a tx_packets) >> $1))
	[ "$1" -gt 20 ] || [ "$epochs" -gt 1000 ] || fail "only $epochs epochs"
	echo "note: shift $1: $(count a tx_packets) packets up," \
		"$(count b tx_packets) down, $epochs epochs up; Gbit/s:$results"
}

topology
for shift in 24 7; do
	results=
	start $shift
	for address in 10.9.0.2 fd99::2; do
		ip netns exec $a ping -q -c 20 -i 0.02 -w 5 $address |
			grep -q ' 0% packet loss' || fail "ping $address"
	done
	# A packet that leaves in fragments carries a finished checksum.
	ip netns exec $a ping -q -c 3 -i 0.02 -s 5000 -w 5 10.9.0.2 |
		grep -q ' 0% packet loss' || fail "ping with fragments"
	stream 10.9.0.2 up
	stream 10.9.0.2 down -R
	stream fd99::2 up6
	stream fd99::2 down6 -R
	stop
	no_wrong_drops $shift
done
