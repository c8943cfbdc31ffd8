#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Ways that lead nowhere. A gateway's name that nobody answers for: said at
# once, given up in time, and in the way of no other name. A gateway that is not
# running: said while it is still tried. One that refuses us: asked again when
# the network is another, and not when a container comes.
set -u
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

programs_begin nft
# A resolver that says nothing for longer than all of this takes: without a host
# at its address the kernel would tell, and libc gives up after 10 s.
silent='nameserver 192.0.2.99\noptions timeout:30\n'
on cafe ip addr add 192.0.2.99/32 dev lo && on cafe nft -f - <<-END ||
	table inet silent {
		chain in {
			type filter hook input priority 0
			ip daddr 192.0.2.99 drop
		}
	}
END
	fail "no silent resolver"
on laptop sh -c "printf '$silent' >/etc/resolv.conf"
lab_snapshot laptop >"$lab/laptop.before"
variant slow 'p["HostName"] = "slow.test"'
start_gateway
start_aditd
add_profiles laptop slow

# Again and again: each try used to take one of the few threads for lookups.
for ((i = 0; i < 10; i++)); do
	expect 0 connect slow
	state_is connecting || fail "not connecting"
	expect 0 disconnect
done
expect 0 connect slow
until_true 5 on laptop sh -c 'adit status | grep -q "asking for the name slow.test"' ||
	fail "status does not say what it waits for: $(on laptop adit status)"
expect 0 connect laptop --wait=10
reaches 198.51.100.10
expect 0 disconnect

began=$(now_ms)
expect 6 connect slow --wait=15
took=$(took_ms "$began")
in_time "$took" 7000 || fail "a silent resolver was waited for $took ms"
# libc may give up a look-up of before, that this one shares.
grep -Eq 'slow.test: DNS (did not answer within 5 s|does not answer): is this '\
'machine online' "$lab/adit.err" || fail "what to do? $(cat "$lab/adit.err")"
grep -q 'tried again in [1-9]' "$lab/adit.err" ||
	fail "when is it tried again? $(cat "$lab/adit.err")"
expect 0 disconnect

# Nobody there at all: the resolver's port is closed.
on laptop sh -c 'echo nameserver 192.0.2.1 >/etc/resolv.conf'
variant closed 'p["HostName"] = "closed.test"'
add_profiles closed
expect 6 connect closed --wait=15
grep -q 'closed.test: DNS does not answer: is this machine online' \
	"$lab/adit.err" || fail "what to do? $(cat "$lab/adit.err")"
expect 0 disconnect
on laptop sh -c "printf '$silent' >/etc/resolv.conf"

# A port where nothing listens: the text says so, the attempt goes on, and a
# gateway that starts is found.
stop gateway
expect 0 connect laptop
until_true 5 on laptop sh -c \
	'adit status | grep -q "192.0.2.2:443: nothing listens there"' ||
	fail "status does not say it: $(on laptop adit status)"
state_is connecting || fail "one word of ICMP ended the attempt"
expect 6 connect laptop --wait=15
grep -q '192.0.2.2:443: nothing listens there (connection refused)' \
	"$lab/adit.err" || fail "what is it? $(cat "$lab/adit.err")"
expect 0 disconnect
as_before "a closed port"
expect 0 connect laptop
until_true 5 on laptop sh -c 'adit status | grep -q "nothing listens there"'
start_gateway
until_state 5 up
reaches 198.51.100.10
expect 0 disconnect

variant wrong-name 'p["VendorConfig"]["ServerName"] = "vpn.example.net"'
add_profiles wrong-name
refusals() {
	grep -c 'wrong-name: failed' "$lab/aditd.log"
}
refused_again() {
	[ "$(refusals)" -gt "$had" ]
}
expect 5 connect wrong-name --wait
had=$(refusals)
on laptop ip link add c0 type veth peer name c1
on laptop ip addr add 172.17.0.1/16 dev c0
on laptop ip link set c0 up
on laptop ip route add 10.99.0.0/16 via 192.0.2.1
until_true 1 refused_again && fail "a container is taken for another network"
# Another router is another network; a refusal rests for 10 s even then.
on cafe ip addr add 10.9.0.1/24 dev br0
on gateway ip route add 10.9.0.0/24 via 192.0.2.1
on laptop ip addr add 10.9.0.10/24 dev up0
on laptop ip route replace default via 10.9.0.1
until_true 20 refused_again || fail "another network is not noticed"
on laptop ip link del c0
on laptop ip route del 10.99.0.0/16
on laptop ip route replace default via 192.0.2.1
on laptop ip addr del 10.9.0.10/24 dev up0
expect 0 disconnect
end_aditd down
echo "note: a silent resolver is given up after $took ms; ten tries in" \
	"a row kept no other name waiting"
