#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A burst of UDP goes through the tunnel as one: what a sender hands to its
# kernel with one call (UDP_SEGMENT) reaches a receiver that takes several at
# once (UDP_GRO) with one call, up and down, in both families. And the devices'
# queues have the length that bursts of small packets need.
set -u
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

# Bursts of 20 datagrams of 1000 bytes, until one comes whole: what shares the
# machine may cut one in two, on the way.
burst() { # FROM TO ADDRESS
	start receiver "$2" python3 -c 'import socket, struct, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_UDP, 104, 1) # UDP_GRO
s.bind(("::", 7000))
print("listening", flush=True)
whole = best = 0
while whole < 20000:
    data, extra, _, who = s.recvmsg(65536, 64)
    whole = len(data)
    sizes = [struct.unpack("i", d)[0] for _, kind, d in extra if kind == 104]
    assert whole <= 1000 or sizes == [1000], sizes
    best = max(best, whole)
    s.sendto(b"%d" % best, who)'
	until_true 10 grep -q listening "$lab/receiver.log" ||
		fail "the receiver does not start"
	on "$1" python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_UDP, 103, 1000) # UDP_SEGMENT
s.settimeout(0.5)
s.connect((sys.argv[1], 7000))
best = 0
for _ in range(20):
    s.send(bytes(20000))
    try:
        while best < 20000:
            best = max(best, int(s.recv(16)))
        break
    except socket.timeout:
        pass
sys.exit(best < 20000 and "at most %d of 20 at once" % (best / 1000))' "$3" \
		>"$lab/burst" 2>&1 ||
		fail "$1 to $2 ($3): $(cat "$lab/burst" "$lab/receiver.log")"
	wait "${lab_job[receiver]}" || fail "$(cat "$lab/receiver.log")"
	checks=$((checks + 1))
}

programs_begin python3
start_gateway
start_aditd
add_profiles laptop
expect 0 connect laptop --wait=10
for host in laptop gateway; do
	on $host ip -d link show | grep -B 2 "tun type tun" >"$lab/device"
	grep -q "qlen 1000" "$lab/device" ||
		fail "$host: $(cat "$lab/device")"
	checks=$((checks + 1))
done
for up in ::ffff:10.77.0.1 fd77:ad17::1; do
	burst laptop gateway $up
done
for down in ::ffff:10.77.0.2 fd77:ad17::2; do
	burst gateway laptop $down
done
expect 0 disconnect
as_before "bursts"
echo "note: $checks checks"
