#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# `adit-gateway run --nat`: an office that has no route back to the pool is
# reached in both families, the rules are repaired, belong to one gateway of
# two, and are undone at the end and after kill -9.
set -u
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

table="inet adit-nat-adit-gw"

start_nat() { # OPTION...
	rm -f "$lab/gateway.log" # an earlier run's
	start gateway gateway adit-gateway run /etc/gw "$@"
	until_true 5 grep -q '^adit-gateway: ' "$lab/gateway.log" ||
		fail "the gateway does not start"
}

has_table() { # TABLE
	# shellcheck disable=SC2086
	on gateway nft list table $1 2>/dev/null | grep -q masquerade
}

unreached() { # ADDRESS
	on laptop ping -q -c 2 -i 0.1 -W 1 "$1" >"$lab/reach" 2>&1 &&
		fail "$1 answers"
	checks=$((checks + 1))
}

# Who does the host see, of the laptop or another sender?
sees() { # HOST ADDRESS TEXT [SENDER]
	on "$1" python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET,
                  socket.SOCK_DGRAM)
s.bind((sys.argv[1], 7000)); s.settimeout(5)
print(s.recvfrom(100)[1][0])' "$2" >"$lab/seen" 2>&1 &
	until_true 5 on "$1" sh -c 'ss -Hlun sport = :7000 | grep -q .'
	on "${4-laptop}" python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET,
                  socket.SOCK_DGRAM)
s.sendto(b"x", (sys.argv[1], 7000))' "$2"
	wait $!
	[ "$(cat "$lab/seen")" = "$3" ] ||
		fail "$1 at $2 saw $(cat "$lab/seen"), not $3"
	checks=$((checks + 1))
}

gateway_is_as_before() { # AFTER-WHAT
	lab_snapshot gateway >"$lab/gateway.after"
	diff "$lab/gateway.before" "$lab/gateway.after" >&3 ||
		fail "the gateway's host is not as it was after $1"
	checks=$((checks + 1))
}

stop_nat() {
	stop gateway TERM || fail "the gateway ended with $?"
	gateway_is_as_before "SIGTERM"
}

says_what_it_needs() {
	on gateway env PATH=/run/bin adit-gateway run /etc/gw --nat \
		>"$lab/refused" 2>&1
	[ $? -eq 1 ] && grep -q 'cannot make nftables table inet adit-nat-adit-gw: the program nft is missing: install it' \
		"$lab/refused" || fail "without nft: $(cat "$lab/refused")"
	[ "$(wc -l <"$lab/refused")" -eq 1 ] ||
		fail "more than one line: $(cat "$lab/refused")"
	gateway_is_as_before "a start without nft"
}

hides_the_pool() {
	reaches 198.51.100.10 2001:db8:2::10 10.77.0.1
	sees office 198.51.100.10 198.51.100.1
	sees office 2001:db8:2::10 2001:db8:2::1
	# Neither the gateway itself nor another client is another network.
	sees gateway 10.77.0.1 10.77.0.2
	sees gateway 198.51.100.1 10.77.0.2
	sees gateway 10.77.0.1 10.77.0.1 gateway
	sees gateway fd77:ad17::1 fd77:ad17::1 gateway
	on cafe sh -c 'echo 192.0.2.2 vpn.example.com >>/etc/hosts'
	start phone cafe aditd
	until_true 5 on cafe adit status &&
		on cafe adit profile add /run/lab/phone.json >/dev/null ||
		fail "no phone"
	on cafe adit connect --wait >/dev/null || fail "no phone"
	sees cafe 10.77.0.3 10.77.0.2
	stop phone TERM
	on gateway adit-gateway status /etc/gw |
		grep -q 'addresses translated' || fail "status does not tell"
}

a_second_gateway_has_its_own() {
	on gateway adit-gateway init /etc/gw2 --name 192.0.2.2 --port 444 \
		--pool 10.78.0.0/16 --pool6 none --nat >/dev/null
	start second gateway adit-gateway run /etc/gw2 --device gw-2
	until_true 5 has_table "inet adit-nat-gw-2" ||
		fail "no table of the second gateway"
	stop second TERM || fail "the second gateway ended with $?"
	has_table "inet adit-nat-gw-2" && fail "its table is left"
	has_table "$table" || fail "it took the first one's table away"
	reaches 198.51.100.10
	checks=$((checks + 3))
}

is_repaired() { # WHAT COMMAND...
	local began what=$1
	shift
	began=$(now_ms)
	on gateway "$@" || fail "$*"
	until_true 33 has_table "$table" || fail "$what is not repaired"
	echo "note: $what was repaired after" \
		"$(((($(now_ms) - began) + 500) / 1000)) s"
	until_true 2 grep -q 'had changed, and are made again' \
		"$lab/gateway.log" || fail "the log does not say so"
	reaches 198.51.100.10 2001:db8:2::10
}

programs_begin python3 nft
add_client phone
on office ip route del default
on office ip -6 route del default
lab_snapshot gateway >"$lab/gateway.before"
says_what_it_needs
start_aditd
add_profiles laptop

start_nat
expect 0 connect laptop --wait
unreached 198.51.100.10
unreached 2001:db8:2::10
stop_nat

start_nat --nat
until_true 5 state_is up || expect 0 connect laptop --wait
hides_the_pool
a_second_gateway_has_its_own
is_repaired "a flushed ruleset" nft flush ruleset
is_repaired "a flushed table" nft flush table inet adit-nat-adit-gw
on gateway nft add table inet theirs
stop gateway KILL
has_table "$table" || fail "kill -9 undid something"
start_nat # which does not want it
has_table "$table" && fail "what kill -9 left is still there"
on gateway nft list table inet theirs >/dev/null ||
	fail "another's table was taken away"
on gateway nft delete table inet theirs
stop_nat
echo "note: $checks checks of address translation"
