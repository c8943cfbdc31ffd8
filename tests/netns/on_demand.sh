#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Rules on demand with the real programs, on two wires: the cafe's (up0) and
# home's (up1), which differ in everything that a rule may ask for but Wi-Fi.
# The user's hand is above the rules: the rows U of profile.md are in brackets.
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

resolver() { # SERVER DOMAIN
	on laptop sh -c "printf 'nameserver %s\nsearch %s\n' $1 $2 \
		>/etc/resolv.conf.new && mv /etc/resolv.conf.new /etc/resolv.conf"
}

go_to() { # cafe | home | nowhere
	on laptop ip link set up0 down
	on laptop ip link set up1 down
	case $1 in
	cafe)
		resolver 192.0.2.1 cafe.example
		on laptop ip link set up0 up
		on laptop ip route add default via 192.0.2.1 || fail "no cafe"
		;;
	home)
		resolver 10.9.0.1 home.example
		on laptop ip link set up1 up
		on laptop ip route add default via 10.9.0.1 || fail "no home"
		;;
	esac
	began=$(now_ms)
}

# What `adit status --json` says, as s.
says() { # EXPRESSION
	on laptop adit status --json | python3 -c "
import json, sys
s = json.load(sys.stdin)
sys.exit(not ($1))"
}

until_says() { # WHAT EXPRESSION
	until_true 10 says "$2" || fail "$1: $(on laptop adit status --json |
		python3 -c 'import json, sys
s = json.load(sys.stdin)
print({k: s.get(k) for k in
	("state", "reason", "rule", "want", "hold", "network", "on_demand")})')"
	echo "note: $1: after $(($(now_ms) - began)) ms"
	checks=$((checks + 1))
}

stays() { # WHAT EXPRESSION
	local i
	for i in 1 2 3 4 5 6 7 8; do
		says "$2" || fail "$1: $(on laptop adit status)"
		sleep 0.2
	done
	checks=$((checks + 1))
}

restart() {
	stop aditd "$1"
	start_aditd
	began=$(now_ms)
}

rules='[{"Action": "Disconnect", "InterfaceTypeMatch": "Ethernet",
	 "DNSDomainMatch": ["home.example"]},
	{"Action": "Connect", "DNSServerAddressMatch": ["192.0.2.*"]},
	{"Action": "Ignore"}]'

programs_begin python3
lab_cable laptop up1 cafe to-home &&
	lab_address cafe to-home 10.9.0.1/24 &&
	lab_address laptop up1 10.9.0.10/24 || fail "no second wire"
on cafe sysctl -qw net.ipv4.ip_forward=1
on gateway ip route add 10.9.0.0/24 via 192.0.2.1
go_to nowhere
start_gateway
start_aditd
variant work 'p["OnDemand"] = {"Enabled": True, "Rules": json.loads("""'"$rules"'""")}'
add_profiles work

until_says "no network decides nothing [R19]" \
	's["state"] == "down" and s["rule"]["outcome"] == "no-network"'
go_to cafe
until_says "the cafe connects" \
	's["state"] == "up" and s["rule"]["index"] == 1'
go_to home
until_says "home disconnects [R44]" \
	's["state"] == "down" and s["rule"]["index"] == 0'
go_to cafe
until_says "the cafe connects again" 's["state"] == "up"'

expect 0 disconnect
until_says "down, because the user said so [U1]" \
	's["state"] == "down" and s["hold"]["state"] == "held-down" and
		s["rule"]["index"] == 1 and s["hold"]["ends"] == "network"'
on laptop ping -qc 2 -i 0.1 192.0.2.2 >/dev/null
stays "traffic starts nothing [U1]" 's["state"] == "down"'
on laptop ip addr change 192.0.2.10/24 dev up0 valid_lft 300 preferred_lft 300
stays "a renewal is no other network [U2]" 's["state"] == "down"'
go_to nowhere
stays "no network is no other network" 's["hold"]["state"] == "held-down"'
go_to cafe
stays "it is the same network" 's["state"] == "down" and
	s["hold"]["state"] == "held-down"'
restart TERM
stays "the hold outlives aditd" 's["state"] == "down" and
	s["hold"]["state"] == "held-down"'
restart KILL
stays "the hold outlives a kill -9" 's["hold"]["state"] == "held-down"'
expect 0 connect
until_says "the user connects [U4]" 's["state"] == "up" and
	s["hold"]["state"] == "held-up"'
expect 0 disconnect
go_to home
until_says "another network ends a hold" 's["state"] == "down" and
	s["hold"]["state"] == "none" and s["rule"]["action"] == "Disconnect"'
expect 0 connect --wait
until_says "held up where a rule says Disconnect [U7]" 's["state"] == "up" and
	s["hold"]["state"] == "held-up" and s["rule"]["action"] == "Disconnect"'
go_to cafe
until_says "until the network changes [U7]" 's["state"] == "up" and
	s["hold"]["state"] == "none"'
go_to home
until_says "and then the rules decide" 's["state"] == "down"'
stop aditd TERM || fail "aditd ended with $?"
on laptop sh -c 'ls /var/lib/adit/hold-* 2>/dev/null' && fail "a hold is left"
echo "note: $checks checks"
