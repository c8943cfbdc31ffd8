#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The servers of the uplink as networks and machines have them: one with a
# link-local address, one at a loopback address that reads resolv.conf and so
# asks us in turn, one that answers with private addresses; and a gateway whose
# own name is in the tunnel's match domain, and moves.
set -u
# shellcheck source=tests/netns/lib_dns.sh
. "$(dirname "$0")/lib_dns.sh"
routes=(--route 198.51.100.0/24 --dns 198.51.100.10 --match corp.example)
gateway_name=vpn.corp.example

dns_cannot kdig
programs_begin
on laptop sed -i "/$gateway_name/d" /etc/hosts # DNS has it
start_answerers
rule outer "$gateway_name 192.0.2.2"
start_gateway
start_aditd
variant guarded 'p["VendorConfig"]["RebindingProtection"] = True'
add_profiles laptop guarded

finds() { # NAME ADDRESS
	local found
	found=$(on laptop timeout 20 getent ahostsv4 "$1" | sed -n '1s/ .*//p')
	[ "$found" = "$2" ] || fail "$1 is \"$found\", not \"$2\":" \
		"$(on laptop adit status)"
	checks=$((checks + 1))
}

status_has() { # PATTERN
	on laptop adit status --json | grep -q "$1"
}

write() { # TEXT
	on laptop sh -c 'printf "%s\n" "$1" >/etc/resolv.conf' - "$1"
}

count() { # NAME: how many times the outer server was asked
	grep -c " $1\$" "$lab/outer.names"
}

# The name of the gateway is in the match domain, which fails closed while the
# tunnel is wanted and not up: it is found all the same, also where it moved to.
gateway_is_in_domain() {
	expect 0 connect laptop --wait=20
	finds www.corp.example $inner4
	finds $gateway_name 192.0.2.2
	start chatter laptop ping -q -i 0.1 198.51.100.10
	stop gateway KILL
	on gateway ip addr del 192.0.2.2/24 dev up0
	lab_address gateway up0 192.0.2.22/24
	rule outer "$gateway_name 192.0.2.22"
	until_true 30 state_is reconnecting || fail "the silence is not noticed"
	stop chatter INT
	finds www.corp.example ""
	start_gateway
	until_state 60 up
	finds www.corp.example $inner4
	expect 0 disconnect
	checks=$((checks + 1))
}

# IPv6 networks announce such servers; the link belongs to the address.
link_local() {
	local address
	address=$(on cafe ip -6 -o addr show dev br0 scope link |
		sed 's:.*inet6 \([^/]*\).*:\1:;q')
	answerer local6 cafe 203.0.113.86 "[$address%br0]"
	write "nameserver $address%up0"
	rule local6 "$gateway_name 192.0.2.22"
	finds www.outside.example 203.0.113.86
	expect 0 connect laptop --wait=20
	dns_applied || fail "not applied"
	finds www.outside.example 203.0.113.86
	finds www.corp.example $inner4
	uplink_is "$address" || fail "$(on laptop adit status --json)"
	expect 0 disconnect
	write "nameserver 192.0.2.1"
}

rebinding() {
	rule inner "example.corp.example nx" # else libc finds it with our domain
	rule outer "$gateway_name 192.0.2.22" "inside.example 192.168.1.1" \
		"lan.example 10.0.0.7"
	expect 0 connect laptop --wait=20
	finds inside.example 192.168.1.1
	expect 0 disconnect
	expect 0 connect guarded --wait=20
	finds inside.example ""
	on laptop kdig +edns @$stub inside.example >"$lab/answer"
	grep -q 'status: REFUSED' "$lab/answer" &&
		grep -q 'EDE: 17' "$lab/answer" || fail "$(cat "$lab/answer")"
	finds www.outside.example $outer4
	finds www.corp.example $inner4 # 10.9.9.9, and ours
	status_has refused_rebinding || fail "not counted"
	expect 0 disconnect
	finds inside.example 192.168.1.1
	rule outer "$gateway_name 192.0.2.22"
	checks=$((checks + 2))
}

# A resolver of this machine, which asks whom resolv.conf names, but itself.
start_forwarder() { # MORE-SERVERS
	cat >"$lab/forwarder.py" <<-'PY'
		import re, select, socket, sys
		here = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		here.bind(("127.0.0.1", 53))
		waiting = []
		while True:
		    for s in select.select([here] + [w[0] for w in waiting], [], [])[0]:
		        if s is not here:
		            entry = next(w for w in waiting if w[0] is s)
		            waiting.remove(entry)
		            try:
		                here.sendto(s.recv(4096), entry[1])
		            except OSError:
		                pass
		            s.close()
		            continue
		        message, peer = here.recvfrom(4096)
		        names = re.findall(r"^nameserver (\S+)",
		                           open("/etc/resolv.conf").read(), re.M)
		        for name in names + sys.argv[1:]:
		            if name == "127.0.0.1":
		                continue
		            up = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		            up.connect((name, 53))
		            up.send(message)
		            waiting.append((up, peer))
		            break
	PY
	start forwarder laptop python3 /run/lab/forwarder.py "$@"
	until_true 5 on laptop kdig +time=1 +retry=0 @127.0.0.1 www.outside.example ||
		fail "no resolver at 127.0.0.1: $(cat "$lab/forwarder.log")"
}

in_a_loop() {
	local n
	write $'nameserver 127.0.0.1\nnameserver 192.0.2.1'
	start_forwarder
	finds www.outside.example $outer4
	expect 0 connect laptop --wait=20
	until_true 5 grep -q 'asks us in turn' "$lab/aditd.log" ||
		fail "the loop is not seen"
	until_true 5 uplink_is 192.0.2.1 || fail "it is still asked:" \
		"$(on laptop adit status --json)"
	for n in 1 2 3 4 5; do
		on laptop kdig +time=2 +retry=0 @$stub n$n.outside.example |
			grep -q $outer4 || fail "no answer beside a loop"
	done
	finds www.corp.example $inner4
	expect 0 disconnect
	# With nobody else to ask the machine is better off without us.
	stop forwarder KILL
	write "nameserver 127.0.0.1"
	start_forwarder 192.0.2.1
	expect 0 connect laptop --wait=20
	until_true 5 on laptop sh -c \
		'adit status | grep -q "ask aditd in turn"' ||
		fail "nobody says that all is a loop: $(on laptop adit status)"
	until_true 5 on laptop grep -q '^nameserver 127.0.0.1$' \
		/etc/resolv.conf || fail "resolv.conf is not as it was"
	finds www.outside.example $outer4
	expect 0 disconnect
	stop forwarder KILL
	write "nameserver 192.0.2.1"
	checks=$((checks + 4))
}

# The resolver of a machine that has servers of its own is asked, and nothing
# comes back.
own_resolver() {
	answerer own laptop 203.0.113.87 127.0.0.1
	rule own "$gateway_name 192.0.2.22"
	write "nameserver 127.0.0.1"
	expect 0 connect laptop --wait=20
	until_true 5 asked own adit-[0-9a-f]*.example.net ||
		fail "it is not asked whether it asks us"
	finds www.outside.example 203.0.113.87
	finds www.corp.example $inner4
	! grep -q 'corp\.example$' <(grep -v "$gateway_name" "$lab/own.names") ||
		fail "it was asked for a name of ours"
	dns_applied || fail "not applied beside a resolver of the machine"
	expect 0 disconnect
	stop own KILL
	write "nameserver 192.0.2.1"
}

gateway_is_in_domain
link_local
rebinding
own_resolver
in_a_loop
stop aditd TERM || fail "aditd does not end well"
echo "note: $checks checks of servers as networks and machines have them"
