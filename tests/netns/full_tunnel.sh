#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A lease with 0.0.0.0/0 and ::/0. The laptop's neighbours, broadcast and
# multicast keep their way; everything else goes through the tunnel, and none
# of it is seen in clear on the uplink.
#
# 203.0.113.1 and 2001:db8:f::1 are there twice: in the cafe, one hop away, and
# behind the gateway, two hops away. The TTL of the answer tells which it was.
set -u
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

routes=(--route 0.0.0.0/0 --route ::/0)
far=203.0.113.1 far6=2001:db8:f::1

internet_behind_the_gateway() {
	lab_address office lo $far/32 $far6/128 &&
		on gateway ip route add 203.0.113.0/24 via 198.51.100.10 &&
		on gateway ip route add 2001:db8:f::/64 via 2001:db8:2::10 ||
		fail "the far network"
}

ttl() { # ADDRESS: of its answer
	on laptop ping -c 1 -W 2 "$1" | sed -n 's/.*ttl=\([0-9]*\).*/\1/p'
}

answers_from() { # TTL ADDRESS...
	local want=$1 got address
	shift
	for address in "$@"; do
		got=$(ttl "$address")
		[ "$got" = "$want" ] ||
			fail "$address answers with TTL ${got:-(nothing)}, not $want"
		checks=$((checks + 1))
	done
}

# A service in the cafe: answers UDP 9999 (found by broadcast) and mDNS.
responder() {
	cat >"$lab/responder.py" <<-'PY'
		import select, socket, struct
		def listen(family, port):
		    s = socket.socket(family, socket.SOCK_DGRAM)
		    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		    if family == socket.AF_INET6:
		        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
		    s.bind(('', port))
		    return s
		here = listen(socket.AF_INET, 9999)
		dns4, dns6 = (listen(f, 5353) for f in (socket.AF_INET, socket.AF_INET6))
		dns4.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
		                socket.inet_aton('224.0.0.251') + socket.inet_aton('192.0.2.1'))
		dns6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
		                socket.inet_pton(socket.AF_INET6, 'ff02::fb') +
		                struct.pack('I', socket.if_nametoindex('br0')))
		print('ready', flush=True)
		while True:
		    for s in select.select([here, dns4, dns6], [], [])[0]:
		        data, who = s.recvfrom(2000)
		        if s is not here:  # the question, made an answer: printer.local A 192.0.2.1
		            data = (data[:2] + b'\x84\0\0\1\0\1\0\0\0\0' + data[12:] +
		                    b'\xc0\x0c\0\1\0\1\0\0\0\x78\0\4' + socket.inet_aton('192.0.2.1'))
		        s.sendto(data, who)
	PY
	cat >"$lab/asker.py" <<-'PY'
		import socket, sys
		question = (b'\x12\x34' + b'\0\0\0\1\0\0\0\0\0\0' +
		            b'\7printer\5local\0\0\1\x80\1')  # QU: answer me directly
		def ask(family, where, data):
		    s = socket.socket(family, socket.SOCK_DGRAM)
		    s.settimeout(2)
		    s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
		    s.sendto(data, where)
		    try:
		        return s.recvfrom(2000)
		    except OSError as e:
		        sys.exit('%s: %s' % (where[0], e))
		up0 = socket.if_nametoindex('up0')
		for where in '192.0.2.255', '255.255.255.255':
		    answer, who = ask(socket.AF_INET, (where, 9999), b'anyone?')
		    assert answer == b'anyone?' and who[0] == '192.0.2.1', who
		for family, where in ((socket.AF_INET, ('224.0.0.251', 5353)),
		                      (socket.AF_INET6, ('ff02::fb', 5353, 0, up0))):
		    answer, who = ask(family, where, question)
		    assert answer.endswith(socket.inet_aton('192.0.2.1')), answer
	PY
	start responder cafe python3 /run/lab/responder.py
	until_true 5 grep -q ready "$lab/responder.log" ||
		lab_logs=responder fail "the responder does not start"
}

neighbourhood_answers() {
	answers_from 64 192.0.2.1 2001:db8:1::1
	on laptop timeout 20 python3 /run/lab/asker.py >"$lab/asker.log" 2>&1 ||
		lab_logs="asker aditd" fail "the neighbourhood is silent"
	checks=$((checks + 4))
}

capture_end() {
	lab_capture_end uplink.pcap
	sealed=$(lab_packets uplink.pcap 'udp port 443 and host 192.0.2.2')
	clear=$(lab_packets uplink.pcap 'net 203.0.113.0/24 or
		net 2001:db8:f::/64 or net 10.77.0.0/16 or net fd77:ad17::/64')
}

# Without a tunnel all of it is in the cafe, and seen.
before() {
	lab_capture uplink.pcap
	answers_from 64 $far $far6
	neighbourhood_answers
	capture_end
	[ "$clear" -ge 4 ] || fail "the capture saw only $clear packets"
}

inside() {
	lab_capture uplink.pcap
	expect 0 connect laptop --wait
	answers_from 63 $far $far6 # two hops: through the gateway
	neighbourhood_answers
	reaches 198.51.100.10
	expect 0 disconnect
	capture_end
	[ "$sealed" -gt 10 ] || fail "the capture saw no tunnel"
	[ "$clear" -eq 0 ] || fail "$clear packets in clear on the uplink"
	as_before "a full tunnel"
	answers_from 64 $far $far6
	echo "note: full tunnel: $sealed sealed datagrams, none in clear;" \
		"2 neighbours, 2 broadcasts and 2 mDNS questions answered"
}

without_default_route() {
	on laptop ip route del default
	on laptop ip -6 route del default
	lab_snapshot laptop >"$lab/laptop.before"
	expect 0 connect laptop --wait
	answers_from 63 $far $far6
	answers_from 64 192.0.2.1 2001:db8:1::1
	expect 0 disconnect
	as_before "a full tunnel without a default route"
	echo "note: a gateway on the link is reached without a default route"
}

# The gateway's address is behind the default route that the tunnel takes over:
# only the mark on the tunnel's own packets keeps them out of the tunnel.
gateway_off_the_link() {
	local address
	lab_address gateway lo 192.0.99.2/32 2001:db8:99::2/128 &&
		on cafe ip route add 192.0.99.2 via 192.0.2.2 &&
		on cafe ip route add 2001:db8:99::2 via 2001:db8:1::2 &&
		on cafe sysctl -qw net.ipv4.ip_forward=1 \
			net.ipv6.conf.all.forwarding=1 || fail "a far gateway"
	lab_snapshot laptop >"$lab/laptop.before"
	for address in 192.0.99.2 2001:db8:99::2; do
		variant "far-${address//:/-}" "p['HostName'] = '$address'
p['VendorConfig']['ServerName'] = 'vpn.example.com'"
		add_profiles "far-${address//:/-}"
		expect 0 connect "far-${address//:/-}" --wait
		answers_from 63 $far $far6
		reaches 198.51.100.10
		on laptop adit status | grep -qF "$address" ||
			fail "another gateway than $address:" \
				"$(on laptop adit status)"
		expect 0 disconnect
		as_before "a gateway off the link"
	done
	echo "note: a gateway off the link: its packets stay out of the tunnel"
}

programs_begin tcpdump python3
internet_behind_the_gateway
responder
start_gateway
start_aditd
add_profiles laptop
before
inside
gateway_off_the_link
without_default_route
end_aditd down
