#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The packet path between two network namespaces, with a static secret:
#
#   client                                          gateway
#   adit0 10.9.0.1 fd99::1                          adit0 10.9.0.2 fd99::2
#      |                                               |
#   v0 192.0.2.1 ------------- veth ------------- v0 192.0.2.2
#                                                 v1 198.51.100.1 2001:db8::1
#                                                    |
#                        the office's host:       v0 198.51.100.2 2001:db8::2
#
# ping and TCP both ways in both families; once with an epoch's usual length,
# and once with a new key every 128 packets. No packet may be lost to keys.
# Then what is forwarded to the office: a promised checksum must be there when
# the packet leaves the gateway by a device that computes none.
#
# Alone: it measures throughput.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=tests/lab/measure.sh
. tests/lab/measure.sh
program=build/linux/lab/static_tunnel

[ "$(id -u)" = 0 ] || { echo "needs root"; exit 77; }
[ -e /dev/net/tun ] || { echo "needs /dev/net/tun"; exit 77; }

a=adit-st$$-a b=adit-st$$-b office=adit-st$$-c
work=$(mktemp -d)
pids=
cleanup() {
	for p in $pids; do kill "$p" 2>/dev/null || true; done
	wait
	ip netns del $a 2>/dev/null || true
	ip netns del $b 2>/dev/null || true
	ip netns del $office 2>/dev/null || true
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

come_back() { # OPTIONS-OF-PING ADDRESS
	ip netns exec $a ping -i 0.02 -w 10 "$@" >"$work/ping" &&
		[ "$(pings_lost "$work/ping")" = 0 ] ||
		fail "ping $*: $(tail -n 4 "$work/ping")"
}

count() { # FILE NAME
	awk -v n="$2" '$1 == n { print $2 }' "$work/$1"
}

serve() { # NAMESPACE
	ip netns exec "$1" iperf3 -s -1 -D -I "$work/iperf.pid" --forceflush
	until_works 5 eval "ip netns exec $1 ss -Hltn sport = :5201 | grep -q ."
}

stream() { # ADDRESS NAME [-R]
	local out bits
	serve $b
	out=$work/iperf.json
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

office() {
	ip netns add $office
	ip -n $b link add v1 type veth peer name v0 netns $office
	ip -n $b addr add 198.51.100.1/24 dev v1
	ip -n $b addr add 2001:db8::1/64 dev v1 nodad
	ip -n $office addr add 198.51.100.2/24 dev v0
	ip -n $office addr add 2001:db8::2/64 dev v0 nodad
	ip -n $b link set v1 up
	ip -n $office link set v0 up
	ip -n $office link set lo up
	ip netns exec $b sysctl -qw net.ipv4.ip_forward=1 \
		net.ipv6.conf.all.forwarding=1
	ip -n $a route add 198.51.100.0/24 dev adit0
	ip -n $a route add 2001:db8::/64 dev adit0
	ip -n $office route add 10.9.0.0/24 via 198.51.100.1
	ip -n $office route add fd99::/64 via 2001:db8::1
	# ETHTOOL_STXCSUM 0: the kernel must compute what leaves by v1.
	ip netns exec $b python3 -c 'import ctypes, fcntl, socket, struct
value = ctypes.create_string_buffer(struct.pack("II", 0x17, 0))
fcntl.ioctl(socket.socket(), 0x8946,
	struct.pack("16sP8x", b"v1", ctypes.addressof(value)))'
}

# Every TCP and UDP packet in a capture must have a right checksum.
check_capture() { # FILE
	python3 - "$1" <<'END'
import struct, sys
data = open(sys.argv[1], "rb").read()
at, count, big = 24, {}, 0
def fold(b):
    b += b"\0" * (len(b) % 2)
    s = sum(struct.unpack(">%dH" % (len(b) // 2), b))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return s
while at < len(data):
    kept, whole = struct.unpack("<II", data[at + 8:at + 16])
    p = data[at + 16 + 14:at + 16 + kept]
    at += 16 + kept
    assert kept == whole, "a packet was not captured whole"
    if p[0] >> 4 == 4:
        length = struct.unpack(">H", p[2:4])[0]
        n, protocol, addresses = (p[0] & 15) * 4, p[9], p[12:20]
        assert fold(p[:n]) == 0xffff, "IPv4 header"
    else:
        length = 40 + struct.unpack(">H", p[4:6])[0]
        n, protocol, addresses = 40, p[6], p[8:40]
    t = p[n:length]
    if protocol not in (6, 17):
        continue
    name = {6: "TCP", 17: "UDP"}[protocol] + str(p[0] >> 4)
    pseudo = addresses + struct.pack(">HH", protocol, len(t))
    assert fold(pseudo + t) == 0xffff, "%s of %d bytes" % (name, length)
    count[name] = count.get(name, 0) + 1
assert all(count.get(n, 0) >= 100 for n in ("TCP4", "TCP6", "UDP4", "UDP6")), count
print("note: forwarded with right checksums:", ", ".join(
    "%s %d" % (n, count[n]) for n in sorted(count)))
END
}

forwarded() {
	local capture address
	start 24
	office
	ip netns exec $office tcpdump -Z root -q -n -i v0 -Q in -U \
		-B 32768 -w "$work/capture" 'tcp or udp' 2>"$work/tcpdump" &
	capture=$!
	pids="$pids $capture"
	until_works 5 grep -q 'listening on' "$work/tcpdump"
	for address in 198.51.100.2 2001:db8::2; do
		serve $office
		ip netns exec $a timeout 20 iperf3 -C cubic -n 1M -c $address \
			>/dev/null || fail "iperf3 to the office"
		serve $office
		ip netns exec $a timeout 20 iperf3 -u -b 50M -l 777 -n 500K \
			-c $address >/dev/null || fail "iperf3 -u to the office"
	done
	kill -INT $capture
	wait $capture
	grep -q '^0 packets dropped by kernel' "$work/tcpdump" ||
		fail "the capture is not whole"
	stop
	check_capture "$work/capture" || fail "a wrong checksum left the gateway"
}

topology
for shift in 24 7; do
	results=
	start $shift
	for address in 10.9.0.2 fd99::2; do
		come_back -c 20 $address
	done
	# A packet that leaves in fragments carries a finished checksum.
	come_back -c 3 -s 5000 10.9.0.2
	stream 10.9.0.2 up
	stream 10.9.0.2 down -R
	stream fd99::2 up6
	stream fd99::2 down6 -R
	stop
	no_wrong_drops $shift
done
forwarded
