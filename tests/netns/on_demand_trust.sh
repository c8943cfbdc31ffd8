#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the rules may not decide by themselves, with the real programs: a network
# that must prove to be ours (`TrustedProbe`), a metered one (`OnMetered`), and
# one beneath another VPN [R18]. A NetworkManager that knows of the price alone
# is on a bus of the laptop's own.
set -u
# shellcheck source=tests/netns/lib_demand.sh
. "$(dirname "$0")/lib_demand.sh"
# shellcheck source=tests/netns/lib_owners.sh
. "$(dirname "$0")/lib_owners.sh"

# --- what proves that this is home ---

make_key() { # NAME: $lab/NAME.pem, with a certificate that nobody checks
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-days 1 -subj "/CN=not.home.example" -keyout "$lab/$1.key" \
		-out "$lab/$1.crt" 2>"$lab/openssl.log" &&
		cat "$lab/$1.key" "$lab/$1.crt" >"$lab/$1.pem" ||
		fail "$(cat "$lab/openssl.log")"
}

key_digest() { # NAME
	openssl pkey -in "$lab/$1.key" -pubout -outform DER |
		openssl dgst -sha256 -binary | base64
}

write_server() {
	cat >"$lab/server.py" <<'PY'
import socket, ssl, sys

s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("10.9.0.1", 4433))
s.listen()
print("ready", flush=True)
silent = []
while True:
    peer = s.accept()[0]
    print("asked", flush=True)
    if sys.argv[1] == "silent":
        silent.append(peer)
        continue
    try:
        peer.settimeout(20)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain("/run/lab/%s.pem" % sys.argv[1])
        context.wrap_socket(peer, server_side=True).close()
    except OSError as e:
        print(e, flush=True)
PY
}

serve() { # KEY | silent
	[ -z "${lab_job[server]-}" ] || stop server KILL
	start server cafe python3 -u /run/lab/server.py "$1"
	until_true 10 grep -q ready "$lab/server.log" || fail "no TLS server"
}

asked_times() {
	grep -c asked "$lab/server.log"
}

trusted='[{"Action": "Disconnect", "InterfaceTypeMatch": "Ethernet",
	"DNSDomainMatch": ["home.example"]}, {"Action": "Connect"}]'

# Up in the cafe, and then home.
comes_home() {
	go_to cafe
	until_says "the cafe connects" 's["state"] == "up" and
		s["network"]["device"] == "up0"'
	go_to home
}

our_own_network() {
	make_key right
	make_key wrong
	write_server
	with_rules work "$trusted" "p['VendorConfig']['TrustedProbe'] = {
		'Host': '10.9.0.1', 'Port': 4433,
		'PublicKeySHA256': ['$(key_digest right)']}"
	add_profiles work

	serve right
	comes_home
	until_says "home proves it, and disconnects" 's["state"] == "down" and
		s["rule"]["index"] == 0 and s["rule"]["outcome"] == "match"'
	[ "$(asked_times)" = 1 ] || fail "asked $(asked_times) times"

	serve wrong
	go_to nowhere
	until_says "gone" 's["rule"]["outcome"] == "no-network"'
	go_to home
	until_says "somebody else's home connects" 's["state"] == "up" and
		s["rule"]["index"] == 1'
	[ "$(asked_times)" -ge 1 ] || fail "it was not asked"

	serve silent
	comes_home
	until_says "a home that says nothing is waited for" \
		's["rule"]["outcome"] == "pending" and
		s["rule"]["index"] == 0 and s["want"]["goal"] == "up"'
	until_says "and is none" 's["rule"]["outcome"] == "match" and
		s["rule"]["index"] == 1 and s["state"] == "up"'
	never_down
	[ "$(asked_times)" = 1 ] || fail "asked $(asked_times) times"

	stop server KILL
	comes_home
	until_says "nor is one where nobody listens" \
		's["rule"]["outcome"] == "match" and s["rule"]["index"] == 1 and
		s["network"]["device"] == "up1" and s["state"] == "up"'
	never_down
}

# Since the first network that only looked like home.
never_down() {
	[ "$(grep -c 'work: down' "$lab/aditd.log")" = 1 ] ||
		fail "it went down meanwhile"
	checks=$((checks + 1))
}

# --- what costs ---

mocks_may_own() {
	on laptop sh -c 'mkdir -p /etc/dbus-1/system.d
		cat >/etc/dbus-1/system.d/mocks.conf' <<'POLICY'
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><policy user="root">
 <allow own="org.freedesktop.NetworkManager"/>
 <allow send_destination="*"/>
</policy></busconfig>
POLICY
}

price() { # DEVICE METERED: numbers of NMMetered
	[ -z "${lab_job[mock]-}" ] || stop mock KILL
	start mock laptop /run/lab/bus_mocks nm "$1" "$2" "$2"
	until_true 5 grep -q ready "$lab/mock.log" || fail "no NetworkManager"
}

what_costs() {
	with_rules work '[{"Action": "Connect"}]' \
		"p['VendorConfig']['OnMetered'] = 'hold'"
	price up0 1
	go_to nowhere
	replace work
	until_says "gone" 's["rule"]["outcome"] == "no-network"'
	expect 0 disconnect
	expect 0 auto # what was kept in no network is not any more
	go_to cafe
	until_says "a metered network starts nothing" \
		's["network"]["metered"] and s["state"] == "down" and
		s["rule"]["action"] == "Connect" and
		s["want"]["because"].startswith("this network is metered")'
	stays "nor later" 's["state"] == "down"'
	expect 0 connect
	until_says "but for the user" 's["state"] == "up"'
	expect 0 auto
	stays "and what is up is kept" 's["state"] == "up" and
		s["hold"]["state"] == "none"'
	expect 0 disconnect
	expect 0 auto
	stays "once more" 's["state"] == "down"'
	price up1 2
	go_to home
	until_says "one that is not starts it" 's["state"] == "up" and
		not s["network"]["metered"]'
	price up0 1
	go_to cafe
	until_says "which a metered one keeps" 's["state"] == "up" and
		s["network"]["metered"]'
	stop mock KILL
}

# --- another VPN ---

another_vpn() {
	start vpn laptop python3 -c '
import fcntl, os, struct
fd = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(fd, 0x400454ca, struct.pack("16sH", b"other0", 0x1001))
print("held", flush=True)
while True:
    os.read(fd, 2000)'
	until_true 5 grep -q held "$lab/vpn.log" || fail "no other VPN"
	on laptop ip link set other0 up &&
		on laptop ip addr add 10.8.0.2/24 dev other0 &&
		on laptop ip route add 0.0.0.0/1 dev other0 &&
		on laptop ip route add 128.0.0.0/1 dev other0 ||
		fail "the other VPN has no route"
	began=$(now_ms)
}

beneath_another() {
	with_rules work "$rules"
	replace work
	go_to home
	until_says "home disconnects" 's["state"] == "down" and
		s["rule"]["outcome"] == "match" and s["rule"]["index"] == 0'
	# The cafe would connect, and nobody is to see it before.
	another_vpn
	until_says "another VPN is there" 's["network"]["other_vpn"] and
		s["rule"]["outcome"] == "other-vpn" and s["state"] == "down"'
	resolver 192.0.2.1 cafe.example
	stays "no rule is evaluated [R18]" 's["state"] == "down" and
		s["rule"]["outcome"] == "other-vpn"'
	expect 0 explain network
	stop vpn KILL
	go_to cafe
	until_says "without it there are rules" 's["state"] == "up" and
		s["rule"]["index"] == 1'
	another_vpn
	until_says "and it ends nothing" 's["rule"]["outcome"] == "other-vpn"'
	stays "that is up" 's["want"]["goal"] == "up"'
	stop vpn KILL
	until_says "also afterwards" 's["rule"]["index"] == 1 and
		s["state"] == "up"'
}

# --- a word about a network that nobody has looked at ---

said_at_once() {
	go_to home
	until_says "home again" 's["state"] == "down" and
		s["rule"]["index"] == 0'
	go_to cafe
	expect 0 disconnect
	until_says "the cafe is known" 's["rule"]["index"] == 1'
	stays "what was said on arrival is about this network" \
		's["state"] == "down" and s["hold"]["state"] == "held-down"'
	go_to home
	until_says "and ends with it" 's["rule"]["index"] == 0 and
		s["hold"]["state"] == "none"'
}

demand_begin dbus-daemon openssl
cp "$lab_root/build/linux/lab/bus_mocks" "$lab/" || fail "run make lab"
owner_files laptop
mocks_may_own
bus laptop
start_gateway
start_aditd
our_own_network
what_costs
beneath_another
said_at_once
stop aditd TERM || fail "aditd ended with $?"
on laptop sh -c 'ls /var/lib/adit/hold-* 2>/dev/null' && fail "a hold is left"
echo "note: $checks checks"
